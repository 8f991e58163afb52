//! Consumers that take their time.

use std::time::Duration;

use annals::outbox::nats::{NatsOptions, NatsStream};
use annals::outbox::{Address, Published, Publisher, ReceiveError};
use annals_tests::brokers::Nats;
use bytes::Bytes;
use tokio::time::timeout;

use super::{
    PATIENCE, consumer, message, numbers, on_both, open, options, publisher, publisher_with, send,
    source, source_with,
};

/// How many messages the server has sent to the only consumer, once no more are sent.
async fn sent(server: &Nats) -> u64 {
    let mut last = None;
    loop {
        let now = consumer(&server.address()).await["delivered"]["consumer_seq"].as_u64();
        if now.is_some() && now == last {
            return now.unwrap_or_default();
        }
        last = now;
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_consumer_holds_no_more_than_it_asked_for() {
    on_both(async |kind| {
        let server = Nats::start_as(kind.with_max_payload(8 * 1024 * 1024)).await;
        let publisher = publisher(&server).await;
        send(&publisher, "shop.orders", 1..=500).await;
        let source = source(&server, &["shop.orders"]).await;
        let mut receiver = open(&source, "mail").await;
        let (mut got, mut last) = (Vec::new(), 0);
        while got.len() < 30 {
            let more = timeout(PATIENCE, receiver.receive(10)).await.expect("they come");
            for one in more.expect("the broker is there") {
                got.push(one.message.id);
                last = one.number;
            }
            let ahead = sent(&server).await - got.len() as u64;
            assert!(ahead <= 10, "{ahead} are held");
        }
        receiver.acknowledge(last).await.expect("the broker is there");

        // By their size, too: 200 messages of 1 MB, and no more than 32 MB are held.
        let to = Address::new("shop.large");
        for number in 0..200 {
            let one = message(format!("large{number}"), "k", Bytes::from(vec![b'x'; 1_000_000]));
            assert_eq!(publisher.publish(&to, &one).await.expect("there"), Published::Stored);
        }
        drop(receiver);
        server_forgets(&server).await;
        let source = super::source(&server, &["shop.large"]).await;
        let mut receiver = open(&source, "mail").await;
        let mut got = 0;
        while got < 200 {
            let more = timeout(PATIENCE, receiver.receive(1000)).await.expect("they come");
            got += more.expect("the broker is there").len() as u64;
            let ahead = sent(&server).await - got;
            assert!(ahead <= 33, "{ahead} MB are held");
        }
    })
    .await;
}

/// Deletes all consumers, so that one is the only one again.
async fn server_forgets(server: &Nats) {
    for name in super::consumers(&server.address()).await {
        super::ask(&server.address(), &format!("CONSUMER.DELETE.SHOP.{name}"), "").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_thrown_away_is_told_once() {
    on_both(async |kind| {
        let server = Nats::start_as(kind).await;
        let small = NatsStream::new("SHOP", ["shop.>"]).max_bytes(20_000);
        let options = NatsOptions::new(server.url()).declare(small);
        let publisher = publisher_with(options.clone()).await;
        let source = source_with(options, &["shop.orders"]).await;
        let mut receiver = open(&source, "mail").await;
        send(&publisher, "shop.orders", 1..=5).await;
        let (_, last) = numbers(&mut *receiver, 5).await;
        receiver.acknowledge(last).await.expect("the broker is there");
        drop(receiver);
        send(&publisher, "shop.orders", 6..=500).await;

        // While nobody received.
        let mut receiver = open(&source, "mail").await;
        let said = timeout(PATIENCE, receiver.receive(10)).await.expect("it is told");
        let Err(ReceiveError::Gap { why }) = said else { panic!("{said:?}") };
        assert!(why.contains("messages 6 to "), "{why}");
        let (next, last) = numbers(&mut *receiver, 1).await;
        assert!(next[0] > 6, "{next:?}");
        let first_there: u64 = next[0];
        assert!(why.contains(&format!("6 to {} ", first_there - 1)), "{why}");
        receiver.acknowledge(last).await.expect("the broker is there");

        // While it received slowly.
        tokio::time::sleep(Duration::from_millis(1100)).await;
        send(&publisher, "shop.orders", 501..=1500).await;
        let mut gaps = 0;
        let mut newest = 0;
        while newest < 1500 {
            match timeout(PATIENCE, receiver.receive(10)).await.expect("it goes on") {
                Ok(received) => {
                    newest = received
                        .last()
                        .map_or(newest, |one| one.message.id.parse().expect("a number"));
                }
                Err(ReceiveError::Gap { why }) => {
                    println!("{why}");
                    gaps += 1;
                }
                Err(error) => panic!("{error:?}"),
            }
        }
        assert_eq!(gaps, 1);
    })
    .await;
}

/// Where the latest consumer begins. There are two while one takes over from the other.
async fn begins_at(server: &Nats) -> u64 {
    let mut latest = 0;
    for name in super::consumers(&server.address()).await {
        let info = super::ask(&server.address(), &format!("CONSUMER.INFO.SHOP.{name}"), "").await;
        latest = latest.max(info["config"]["opt_start_seq"].as_u64().unwrap_or_default());
    }
    latest
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quiet_lane_has_no_gap() {
    on_both(async |kind| {
        let server = Nats::start_as(kind).await;
        let small = NatsStream::new("SHOP", ["shop.>"]).max_bytes(1_000_000);
        let options =
            NatsOptions::new(server.url()).declare(small).quiet_for(Duration::from_secs(1));
        let publisher = std::sync::Arc::new(publisher_with(options.clone()).await);
        let source = source_with(options, &["shop.quiet"]).await;
        let mut receiver = open(&source, "mail").await;
        send(&publisher, "shop.quiet", [1]).await;
        let (_, last) = numbers(&mut *receiver, 1).await;
        receiver.acknowledge(last).await.expect("the broker is there");
        let mut senders = tokio::task::JoinSet::new();
        for sender in 0..50_u64 {
            let publisher = std::sync::Arc::clone(&publisher);
            senders.spawn(async move {
                let first = 1000 + sender * 300;
                send(&publisher, "shop.busy", first..first + 300).await;
            });
        }
        timeout(PATIENCE, senders.join_all()).await.expect("all are sent");
        // It is noted down that the lane has had all there is.
        let noted = async {
            while begins_at(&server).await < 15_000 {
                let _ = timeout(Duration::from_millis(100), receiver.receive(10)).await;
            }
        };
        timeout(PATIENCE, noted).await.expect("it is noted down");
        drop(receiver);
        let mut receiver = open(&source, "mail").await;
        send(&publisher, "shop.quiet", [2]).await;
        assert_eq!(numbers(&mut *receiver, 1).await.0, [2]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handler_that_takes_long_gets_nothing_twice() {
    let server = Nats::start().await;
    let publisher = publisher(&server).await;
    let source =
        source_with(options(server.url()).quiet_for(Duration::from_millis(200)), &["shop.>"]).await;
    let mut receiver = open(&source, "mail").await;
    send(&publisher, "shop.orders", 1..=3).await;
    assert_eq!(numbers(&mut *receiver, 3).await.0, [1, 2, 3]);
    // Nothing is acknowledged, and nothing comes again while it is looked at many times.
    let again = timeout(Duration::from_secs(3), receiver.receive(10)).await;
    assert!(again.is_err(), "{again:?}");
    send(&publisher, "shop.orders", [4]).await;
    assert_eq!(numbers(&mut *receiver, 1).await.0, [4]);
}
