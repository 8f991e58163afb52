//! The broker is killed, frozen and cut off.

use std::time::{Duration, Instant};

use annals::outbox::rabbitmq::QueueType;
use annals::outbox::{PublishError, Publisher, Source};
use annals_tests::brokers::{Breakable, RabbitMq, RabbitMqKind, fresh_name};
use annals_tests::servers::Proxy;
use futures_util::future::join_all;

use super::{
    WHOLE, address, ids, ids_until, make, message, open, open_at_last, options, publisher, send,
    send_at_last, source, to, why_down,
};

/// A little more than any limit of the options.
const LIMIT: Duration = Duration::from_secs(8);

#[tokio::test(flavor = "multi_thread")]
async fn what_is_confirmed_survives_a_kill() {
    let mut server = Breakable::<RabbitMqKind>::take().await;
    let (quorum, classic) = (fresh_name("quorum"), fresh_name("classic"));
    let of_quorum = options(server.url(), &quorum, QueueType::Quorum);
    make(&server, &of_quorum, &quorum, QueueType::Quorum).await;
    // It may be as young as its messages.
    let of_classic = options(server.url(), &classic, QueueType::Classic);
    let kept = [(quorum, of_quorum), (classic, of_classic)];
    for (queue, options) in &kept {
        let publisher = publisher(options).await;
        let sending = (0..100_u64).map(|number| {
            let (publisher, to) = (publisher.clone(), to(queue));
            async move { publisher.publish(&to, &message(number, "{}")).await }
        });
        for sent in join_all(sending).await {
            sent.expect("the broker is there");
        }
    }
    server.kill();
    server.restart().await;
    for (queue, options) in &kept {
        let mut receiver = open_at_last(&source(options, &[queue]).await).await;
        let (mut came, _) = ids(&mut *receiver, 100).await;
        came.sort_unstable();
        assert_eq!(came, Vec::from_iter(0..100), "{queue}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_is_down_is_told_and_comes_back() {
    let mut server = Breakable::<RabbitMqKind>::take().await;
    let (queue, late) = (fresh_name("down"), fresh_name("late"));
    let options = options(server.url(), &queue, QueueType::Classic);
    make(&server, &options, &queue, QueueType::Classic).await;
    let publisher = publisher(&options).await;
    let mut receiver = open(&source(&options, &[&queue]).await).await;
    send(&publisher, &queue, [1, 2]).await;
    let (came, last) = ids(&mut *receiver, 2).await;
    assert_eq!(came, [1, 2]);
    receiver.acknowledge(last - 1).await.expect("the broker is there");
    // Those that have not connected yet.
    let late_publisher = super::publisher(&options).await;
    let late_options = super::options(server.url(), &late, QueueType::Classic);
    let late_source = source(&late_options, &[&late]).await;

    server.kill();
    for publisher in [&publisher, &late_publisher] {
        let began = Instant::now();
        let calls = (0..300).map(|number| {
            let (publisher, to) = (publisher.clone(), to(&queue));
            async move { publisher.publish(&to, &message(number, "{}")).await }
        });
        for sent in join_all(calls).await {
            let down =
                matches!(sent, Err(PublishError::Down { .. } | PublishError::InDoubt { .. }));
            assert!(down, "{sent:?}");
        }
        assert!(began.elapsed() < LIMIT, "{:?}", began.elapsed());
    }
    for _ in 0..3 {
        let why = why_down(&mut *receiver).await;
        assert!(why.contains("127.0.0.1"), "{why}");
    }
    let opened = late_source.open("billing", WHOLE).await.map(drop);
    assert!(opened.is_err_and(|error| super::is_down(&error)));

    server.restart().await;
    send_at_last(&publisher, &queue, 3).await;
    send_at_last(&late_publisher, &queue, 4).await;
    let (came, _) = ids_until(&mut *receiver, 4).await;
    assert!(came == [2, 3, 4] || came == [1, 2, 3, 4], "the acknowledgement may be lost: {came:?}");
    let mut late_receiver = open_at_last(&late_source).await;
    send(&publisher, &late, [5]).await;
    assert_eq!(ids(&mut *late_receiver, 1).await.0, [5]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frozen_broker_is_told_within_the_limit() {
    let server = Breakable::<RabbitMqKind>::take().await;
    let queue = fresh_name("frozen");
    let options = options(server.url(), &queue, QueueType::Classic);
    let publisher = publisher(&options).await;
    let mut receiver = open(&source(&options, &[&queue]).await).await;
    send(&publisher, &queue, [1]).await;
    assert_eq!(ids(&mut *receiver, 1).await.0, [1]);

    server.freeze();
    let began = Instant::now();
    let sent = publisher.publish(&to(&queue), &message(2, "{}")).await;
    assert!(matches!(sent, Err(PublishError::InDoubt { .. })), "{sent:?}");
    assert!(began.elapsed() < LIMIT, "{:?}", began.elapsed());
    let began = Instant::now();
    let sent = publisher.publish(&to(&queue), &message(3, "{}")).await;
    assert!(matches!(sent, Err(PublishError::Down { .. })), "{sent:?}");
    assert!(began.elapsed() < LIMIT, "{:?}", began.elapsed());
    let why = why_down(&mut *receiver).await;
    assert!(why.contains("heartbeat"), "{why}");
    let began = Instant::now();
    assert!(why_down(&mut *receiver).await.contains("no answer in time"));
    assert!(began.elapsed() < LIMIT, "{:?}", began.elapsed());

    server.thaw();
    send_at_last(&publisher, &queue, 4).await;
    let (came, _) = ids_until(&mut *receiver, 4).await;
    assert_eq!(came.first(), Some(&1), "{came:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_are_cut_while_messages_are_under_way() {
    let proxy = Proxy::to(address(&RabbitMq::shared().await)).await;
    let queue = fresh_name("cut");
    let url = format!("amqp://{}/%2f", proxy.address());
    let options = options(url, &queue, QueueType::Quorum).prefetch(2000);
    let publisher = publisher(&options).await;
    send(&publisher, &queue, [0]).await;
    for round in 1..=5_u64 {
        let began = Instant::now();
        let calls = (0..200).map(|place| {
            let (publisher, to) = (publisher.clone(), to(&queue));
            let number = round * 1000 + place;
            tokio::spawn(async move {
                let sent = publisher.publish(&to, &message(number, "{}")).await;
                match sent {
                    Ok(_) => Some(number),
                    Err(PublishError::Down { .. } | PublishError::InDoubt { .. }) => None,
                    Err(error) => panic!("{error:?}"),
                }
            })
        });
        let calls: Vec<_> = calls.collect();
        proxy.cut_after_bytes_from_server(40).await.expect("it happens");
        let stored: Vec<u64> = join_all(calls)
            .await
            .into_iter()
            .filter_map(|call| call.expect("an outage is told as one"))
            .collect();
        assert!(began.elapsed() < LIMIT, "{:?}", began.elapsed());
        send_at_last(&publisher, &queue, round).await;
        let mut receiver = open(&source(&options, &[&queue]).await).await;
        let (came, last) = ids_until(&mut *receiver, round).await;
        assert!(stored.iter().all(|number| came.contains(number)), "what is confirmed is there");
        receiver.acknowledge(last).await.expect("the broker is there");
        drop(receiver);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn confirms_that_hang_are_in_doubt() {
    let proxy = Proxy::to(address(&RabbitMq::shared().await)).await;
    let queue = fresh_name("hangs");
    let url = format!("amqp://{}/%2f", proxy.address());
    let options = options(url, &queue, QueueType::Quorum);
    let publisher = publisher(&options).await;
    send(&publisher, &queue, [1]).await;
    proxy.freeze();
    let began = Instant::now();
    let calls = (2..300).map(|number| {
        let (publisher, to) = (publisher.clone(), to(&queue));
        async move { publisher.publish(&to, &message(number, "{}")).await }
    });
    for sent in join_all(calls).await {
        assert!(matches!(sent, Err(PublishError::InDoubt { .. })), "{sent:?}");
    }
    assert!(began.elapsed() < LIMIT, "{:?}", began.elapsed());
    proxy.thaw();
    send_at_last(&publisher, &queue, 300).await;
}
