//! The broker goes down, freezes and loses its connections, and comes back.

use std::sync::Arc;
use std::time::{Duration, Instant};

use annals::outbox::{Address, PublishError, Published, Publisher, ReceiveError, Source};
use annals_tests::brokers::Nats;
use annals_tests::servers::Proxy;
use tokio::time::timeout;

use super::{
    PATIENCE, WHOLE, message, numbers, on_both, open, options, publisher, publisher_with, send,
    source_with,
};

/// The limit in these stories, and what a busy machine may add to it.
const LIMIT: Duration = Duration::from_secs(2);
const SLACK: Duration = Duration::from_secs(3);

/// Sends until the broker takes it.
async fn send_again(publisher: &dyn Publisher, id: u64) -> Published {
    let again = async {
        loop {
            let to = Address::new("shop.orders");
            match publisher.publish(&to, &message(id.to_string(), "k", "{}")).await {
                Ok(published) => return published,
                Err(PublishError::Down { .. } | PublishError::InDoubt { .. }) => {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
                Err(error) => panic!("it only has to wait: {error:?}"),
            }
        }
    };
    timeout(PATIENCE, again).await.expect("it comes back")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_down_is_waited_for() {
    on_both(async |kind| {
        let mut server = Nats::start_as(kind).await;
        let options = options(server.url()).answer_within(LIMIT);
        let publisher = publisher_with(options.clone()).await;
        let source = source_with(options.clone(), &["shop.>"]).await;
        let mut receiver = open(&source, "mail").await;
        send(&publisher, "shop.orders", [1]).await;
        server.kill();
        for number in 2..5_u64 {
            let started = Instant::now();
            let one = message(number.to_string(), "k", "{}");
            let sent = publisher.publish(&Address::new("shop.orders"), &one).await;
            match sent.expect_err("nobody is there") {
                PublishError::Down { .. } | PublishError::InDoubt { .. } if number == 2 => {}
                PublishError::Down { source } => assert!(source.to_string().contains("reached")),
                error => panic!("nobody is there: {error:?}"),
            }
            assert!(started.elapsed() < LIMIT + SLACK);
        }
        // Begun while nobody is there, both work when somebody is.
        let late = annals::outbox::nats::NatsPublisher::connect(options.clone()).await;
        let late = late.expect("the options are right");
        let prepared = late.prepare(&[Address::new("shop.orders")]).await;
        assert!(matches!(prepared, Err(PublishError::Down { .. })), "{prepared:?}");
        let opened = source_with(options, &["shop.>"]).await.open("late", WHOLE).await.map(drop);
        assert!(matches!(opened, Err(ReceiveError::Down { .. })), "{opened:?}");
        // What was received before the outage was not acknowledged, and comes again.
        let mut seen_down = false;
        for _ in 0..3 {
            match timeout(PATIENCE, receiver.receive(10)).await.expect("it does not hang") {
                Ok(received) => assert_eq!(received.len(), 1, "it came before the server went"),
                Err(ReceiveError::Down { .. }) => seen_down = true,
                Err(error) => panic!("{error:?}"),
            }
        }
        assert!(seen_down);
        server.restart().await;
        assert_eq!(send_again(&late, 2).await, Published::Stored);
        send_again(&publisher, 3).await;
        let mut got = Vec::new();
        while got.len() < 3 {
            match timeout(PATIENCE, receiver.receive(10)).await.expect("it does not hang") {
                Ok(more) => got.extend(more.into_iter().map(|one| one.message.id)),
                Err(ReceiveError::Down { .. }) => got.clear(),
                Err(error) => panic!("{error:?}"),
            }
        }
        assert_eq!(got, ["1", "2", "3"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frozen_server_leaves_nobody_waiting() {
    on_both(async |kind| {
        let server = Nats::start_as(kind).await;
        let quick = options(server.url()).answer_within(LIMIT).connect_within(LIMIT);
        let publisher = Arc::new(publisher_with(quick.clone()).await);
        let source = source_with(quick.quiet_for(LIMIT), &["shop.>"]).await;
        let mut receiver = open(&source, "mail").await;
        send(&publisher, "shop.orders", [1]).await;
        let (_, last) = numbers(&mut *receiver, 1).await;
        receiver.acknowledge(last).await.expect("the broker is there");
        server.freeze();
        let started = Instant::now();
        let waiting: Vec<_> = (2..302_u64)
            .map(|number| {
                let publisher = Arc::clone(&publisher);
                tokio::spawn(async move {
                    let one = message(number.to_string(), "k", "{}");
                    publisher.publish(&Address::new("shop.orders"), &one).await
                })
            })
            .collect();
        for sent in waiting {
            let error = sent.await.expect("it does not panic").expect_err("nobody answers");
            assert!(
                matches!(error, PublishError::InDoubt { .. } | PublishError::Down { .. }),
                "{error:?}"
            );
        }
        let received = timeout(PATIENCE, receiver.receive(10)).await.expect("it does not hang");
        assert!(matches!(received, Err(ReceiveError::Down { .. })), "{received:?}");
        assert!(started.elapsed() < 4 * (LIMIT + SLACK), "{:?}", started.elapsed());
        server.thaw();
        for number in 2..302 {
            send_again(&*publisher, number).await;
        }
        let mut got = Vec::new();
        while got.len() < 301 - 1 {
            match timeout(PATIENCE, receiver.receive(1000)).await.expect("it does not hang") {
                Ok(more) => got.extend(more.into_iter().map(|one| one.message.id)),
                Err(ReceiveError::Down { .. }) => got.clear(),
                Err(error) => panic!("{error:?}"),
            }
        }
        // What was in doubt was stored once, and behind what came before.
        got.sort_by_key(|id| id.parse::<u64>().expect("ids are numbers"));
        assert_eq!(got, (2..302_u64).map(|number| number.to_string()).collect::<Vec<_>>());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_is_in_doubt_at_once() {
    on_both(async |kind| {
        let server = Nats::start_as(kind).await;
        publisher(&server).await;
        let proxy = Proxy::to(server.address()).await;
        let through = options(format!("nats://{}", proxy.address()));
        let publisher = publisher_with(through.answer_within(Duration::from_secs(30))).await;
        let cut = proxy.cut_reply_to("the body of this one");
        let started = Instant::now();
        let one = message("1", "k", "the body of this one");
        let to = Address::new("shop.orders");
        let error = publisher.publish(&to, &one).await.expect_err("the answer is lost");
        assert!(matches!(error, PublishError::InDoubt { .. }), "{error:?}");
        assert!(started.elapsed() < Duration::from_secs(15), "nobody waits for the time limit");
        cut.await.expect("the proxy is there");
        let again = async {
            loop {
                match publisher.publish(&to, &one).await {
                    Ok(published) => return published,
                    Err(error) => println!("not yet: {error}"),
                }
            }
        };
        let again = timeout(PATIENCE, again).await.expect("it comes back");
        assert_eq!(again, Published::Repeated, "it was stored");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_are_cut_lose_and_reorder_nothing() {
    on_both(async |kind| {
        let server = Nats::start_as(kind).await;
        publisher(&server).await;
        let proxy = Proxy::to(server.address()).await;
        let through = options(format!("nats://{}", proxy.address())).answer_within(LIMIT);
        let publisher = Arc::new(publisher_with(through.clone()).await);
        let sending = tokio::spawn(async move {
            for number in 1..=2000 {
                send_again(&*publisher, number).await;
            }
        });
        let source = source_with(through, &["shop.>"]).await;
        let mut receiver = open(&source, "mail").await;
        let (mut had, mut cuts) = (0_u64, 0);
        while had < 2000 {
            match timeout(PATIENCE, receiver.receive(100)).await.expect("it does not hang") {
                Ok(received) => {
                    let mut last = 0;
                    for one in received {
                        let number: u64 = one.message.id.parse().expect("ids are numbers");
                        assert!(number <= had + 1, "{number} came before {}", had + 1);
                        had = had.max(number);
                        last = one.number;
                    }
                    // The effect is done before it is acknowledged; the acknowledgement may be lost.
                    if let Err(error) = receiver.acknowledge(last).await {
                        println!("not acknowledged: {error}");
                    }
                    if had > 150 * (cuts + 1) {
                        cuts += 1;
                        if cuts % 2 == 0 { proxy.cut() } else { drop(proxy.cut_replies()) }
                    }
                }
                Err(ReceiveError::Down { source }) => println!("down: {source}"),
                Err(error) => panic!("{error:?}"),
            }
        }
        timeout(PATIENCE, sending).await.expect("all is sent").expect("all is sent");
        assert!(cuts > 5);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_half_open_connection_is_noticed_by_who_receives() {
    on_both(async |kind| {
        let server = Nats::start_as(kind).await;
        let publisher = publisher(&server).await;
        let proxy = Proxy::to(server.address()).await;
        let through = options(format!("nats://{}", proxy.address()));
        let through = through.answer_within(LIMIT).connect_within(LIMIT).quiet_for(LIMIT);
        let source = source_with(through, &["shop.>"]).await;
        let mut receiver = open(&source, "mail").await;
        proxy.forsake();
        send(&publisher, "shop.orders", [1]).await;
        let received = timeout(PATIENCE, receiver.receive(10)).await.expect("it does not hang");
        assert!(matches!(received, Err(ReceiveError::Down { .. })), "{received:?}");
        assert_eq!(numbers(&mut *receiver, 1).await.0, [1]);
    })
    .await;
}
