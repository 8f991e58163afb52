//! Messages come, each lane in order, to every group.

use std::time::Duration;

use annals::outbox::{Address, Part, Publisher, ReceiveError, Source};
use annals_tests::brokers::{Kind, Nats, NatsKind};
use tokio::time::timeout;

use super::{
    PATIENCE, ask, consumer, consumers, numbers, on_both, open, options, publisher, send, source,
    source_with,
};

#[tokio::test(flavor = "multi_thread")]
async fn each_group_gets_everything_and_each_part_its_lanes() {
    on_both(async |kind| {
        let server = Nats::start_as(kind).await;
        let publisher = publisher(&server).await;
        for lane in 0..3 {
            let numbers = (1..=10).map(|number| lane * 100 + number);
            send(&publisher, &format!("shop.l{lane}"), numbers).await;
        }
        let source = source(&server, &["shop.l0", "shop.l1", "shop.l2"]).await;
        let (all, _) = numbers(&mut *open(&source, "one").await, 30).await;
        for lane in 0..3 {
            let lane: Vec<u64> =
                all.iter().copied().filter(|number| number / 100 == lane).collect();
            assert!(lane.is_sorted() && lane.len() == 10, "{lane:?}");
        }
        let part = |index| Part { index, of: 2 };
        let mut even = source.open("two", part(0)).await.expect("the lanes can be taken");
        let mut odd = source.open("two", part(1)).await.expect("the lanes can be taken");
        let (even, _) = numbers(&mut *even, 20).await;
        assert!(even.iter().all(|number| number / 100 != 1), "{even:?}");
        let (odd, _) = numbers(&mut *odd, 10).await;
        assert_eq!(odd, Vec::from_iter(101..=110));
        assert_eq!(consumers(&server.address()).await.len(), 6, "two groups, three lanes");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_without_lanes_waits() {
    let server = Nats::start().await;
    publisher(&server).await;
    let source = source(&server, &["shop.>"]).await;
    let mut receiver =
        source.open("mail", Part { index: 1, of: 2 }).await.expect("there is nothing to take");
    let waited = timeout(Duration::from_millis(300), receiver.receive(10)).await;
    assert!(waited.is_err(), "nothing ever comes");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_is_broken_off_loses_nothing() {
    on_both(async |kind| {
        let server = Nats::start_as(kind).await;
        let publisher = publisher(&server).await;
        let source = source(&server, &["shop.a", "shop.b"]).await;
        let mut receiver = open(&source, "mail").await;
        let sending = tokio::spawn(async move { send(&publisher, "shop.a", 1..=1000).await });
        let mut got = Vec::new();
        let mut broken_off = 0;
        while got.len() < 1000 {
            let limit = Duration::from_micros(50 * (broken_off % 20));
            match timeout(limit, receiver.receive(7)).await {
                Ok(received) => {
                    let received = received.expect("the broker is there");
                    got.extend(received.into_iter().map(|one| one.message.id));
                }
                Err(_) => broken_off += 1,
            }
            assert!(broken_off < 1_000_000, "nothing comes any more");
        }
        assert_eq!(got, (1..=1000).map(|number: u64| number.to_string()).collect::<Vec<_>>());
        assert!(broken_off > 0);
        sending.await.expect("all is sent");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consumer_that_was_deleted_is_made_again() {
    on_both(async |kind| {
        let server = Nats::start_as(kind).await;
        let publisher = publisher(&server).await;
        let source =
            source_with(options(server.url()).quiet_for(Duration::from_secs(1)), &["shop.orders"])
                .await;
        let mut receiver = open(&source, "mail").await;
        send(&publisher, "shop.orders", 1..=4).await;
        let (_, last) = numbers(&mut *receiver, 4).await;
        receiver.acknowledge(last - 2).await.expect("the broker is there");
        let name = consumers(&server.address()).await.remove(0);
        let gone = ask(&server.address(), &format!("CONSUMER.DELETE.SHOP.{name}"), "").await;
        assert_eq!(gone["success"], true, "{gone}");
        let said = timeout(PATIENCE, receiver.receive(10)).await.expect("it is noticed");
        let Err(ReceiveError::Down { source: said }) = said else { panic!("{said:?}") };
        println!("{said}");
        // It goes on where this receiver knows that it was.
        assert_eq!(numbers(&mut *receiver, 2).await.0, [3, 4]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_was_made_anew_is_received_from_its_beginning() {
    on_both(async |kind| {
        let server = Nats::start_as(kind).await;
        let publisher = publisher(&server).await;
        let watched = options(server.url()).quiet_for(Duration::from_secs(1));
        let source = source_with(watched, &["shop.orders"]).await;
        let mut receiver = open(&source, "mail").await;
        send(&publisher, "shop.orders", 1..=4).await;
        let (_, last) = numbers(&mut *receiver, 4).await;
        receiver.acknowledge(last - 1).await.expect("the broker is there");
        let gone = ask(&server.address(), "STREAM.DELETE.SHOP", "").await;
        assert_eq!(gone["success"], true, "{gone}");
        let said = timeout(PATIENCE, receiver.receive(10)).await.expect("it is noticed");
        println!("{}", said.expect_err("the stream is gone"));
        publisher.prepare(&[Address::new("shop.orders")]).await.expect("it is made");
        send(&publisher, "shop.orders", 5..=7).await;
        assert_eq!(numbers(&mut *receiver, 1).await.0, [5]);
        // Of the stream before.
        receiver.acknowledge(last).await.expect("the broker is there");
        drop(receiver);
        let mut receiver = open(&source, "mail").await;
        assert_eq!(numbers(&mut *receiver, 3).await.0, [5, 6, 7]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consumer_that_has_messages_and_sends_none_is_made_anew() {
    let server = Nats::start_as(<NatsKind as Kind>::plain().newest()).await;
    let publisher = publisher(&server).await;
    let watched = options(server.url()).quiet_for(Duration::from_secs(1));
    let source = source_with(watched, &["shop.orders"]).await;
    let mut receiver = open(&source, "mail").await;
    send(&publisher, "shop.orders", 1..=3).await;
    let (_, last) = numbers(&mut *receiver, 3).await;
    receiver.acknowledge(last - 1).await.expect("the broker is there");
    // It has signs of life, and sends nothing.
    let name = consumers(&server.address()).await.remove(0);
    let pause = r#"{"pause_until":"2100-01-01T00:00:00Z"}"#;
    let paused = ask(&server.address(), &format!("CONSUMER.PAUSE.SHOP.{name}"), pause).await;
    assert_eq!(paused["paused"], true, "{paused}");
    send(&publisher, "shop.orders", 4..=6).await;
    let said = timeout(PATIENCE, receiver.receive(10)).await.expect("it is noticed");
    let Err(ReceiveError::Down { source: said }) = said else { panic!("{said:?}") };
    assert!(said.to_string().contains("has 3 messages and has sent none"), "{said}");
    assert_eq!(numbers(&mut *receiver, 4).await.0, [3, 4, 5, 6]);
    assert_ne!(consumers(&server.address()).await, [name]);
}

#[tokio::test(flavor = "multi_thread")]
async fn how_far_a_group_has_got_survives_a_kill() {
    on_both(async |kind| {
        let mut server = Nats::start_as(kind).await;
        let publisher = publisher(&server).await;
        send(&publisher, "shop.orders", 1..=20).await;
        let source = source(&server, &["shop.orders"]).await;
        let mut receiver = open(&source, "mail").await;
        let (_, last) = numbers(&mut *receiver, 20).await;
        receiver.acknowledge(last - 5).await.expect("the broker is there");
        let noted = async {
            while consumer(&server.address()).await["ack_floor"]["stream_seq"] != 15 {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        timeout(PATIENCE, noted).await.expect("the acknowledgement arrives");
        drop(receiver);
        server.stop();
        server.restart().await;
        let mut receiver = open(&source, "mail").await;
        assert_eq!(numbers(&mut *receiver, 5).await.0, [16, 17, 18, 19, 20]);
        // Killed, it may have forgotten acknowledgements, and messages only come again.
        server.kill();
        server.restart().await;
        let reopened = async {
            loop {
                match source.open("mail", super::WHOLE).await {
                    Ok(receiver) => return receiver,
                    Err(error) => println!("not yet: {error}"),
                }
            }
        };
        let mut receiver = timeout(PATIENCE, reopened).await.expect("it comes back");
        let (first, _) = numbers(&mut *receiver, 1).await;
        assert!(first[0] <= 16, "{first:?}");
    })
    .await;
}
