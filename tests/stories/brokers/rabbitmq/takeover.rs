//! A new receiver takes over from one that is alive, frozen, or cut off.
//!
//! Receivers of this process make way for each other where they have the same server. Whoever goes through a
//! proxy is a stranger to them, as another process is.

use std::time::Duration;

use annals::outbox::rabbitmq::{QueueType, TakeOver};
use annals::outbox::{ReceiveError, Source};
use annals_tests::brokers::{RabbitMq, fresh_name};
use annals_tests::servers::Proxy;
use futures_util::future::join_all;
use lapin::options::QueueDeclareOptions;
use tokio::time::timeout;

use super::{
    BOTH, WHOLE, address, client, ids, ids_until, nothing, open, options, plain, publisher, send,
    source, through, why_down,
};

#[tokio::test(flavor = "multi_thread")]
async fn the_old_receiver_of_this_process_moves_nothing() {
    for queue_type in BOTH {
        let queue = fresh_name("old");
        let options = options(RabbitMq::shared().await, &queue, queue_type);
        let publisher = publisher(&options).await;
        let source = source(&options, &[&queue]).await;
        send(&publisher, &queue, 0..5).await;
        let mut old = open(&source).await;
        let (came, last) = ids(&mut *old, 3).await;
        assert_eq!(came, [0, 1, 2]);
        let mut new = open(&source).await;
        send(&publisher, &queue, [5]).await;
        assert_eq!(ids(&mut *new, 6).await.0, [0, 1, 2, 3, 4, 5], "{queue_type:?}");
        assert!(old.acknowledge(last).await.is_err());
        assert!(why_down(&mut *old).await.contains("another receiver"));
        assert!(why_down(&mut *old).await.contains("another receiver"));
        drop(new);
        let mut third = open(&source).await;
        assert_eq!(ids(&mut *third, 6).await.0, [0, 1, 2, 3, 4, 5]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_lost_its_queue_is_told_with_pauses_between() {
    let queue = fresh_name("lost");
    let options = options(RabbitMq::shared().await, &queue, QueueType::Classic);
    let source = source(&options, &[&queue]).await;
    let mut old = open(&source).await;
    let _new = open(&source).await;
    let mut told = 0;
    let asking = async {
        loop {
            assert!(why_down(&mut *old).await.contains("another receiver"));
            told += 1;
        }
    };
    let asked: Result<(), _> = timeout(Duration::from_secs(2), asking).await;
    assert!(asked.is_err(), "it asks for ever");
    assert!((3..12).contains(&told), "{told} times in 2 s");
}

/// Who cannot open a queue has not taken it over.
#[tokio::test(flavor = "multi_thread")]
async fn who_cannot_receive_takes_nothing_away() {
    for queue_type in BOTH {
        let url = RabbitMq::shared().await;
        let queue = fresh_name("kept");
        let here = options(&url, &queue, queue_type);
        let publisher = publisher(&here).await;
        let good = source(&here, &[&queue]).await;
        send(&publisher, &queue, 0..5).await;
        let mut receiver = open(&good).await;
        let (came, last) = ids(&mut *receiver, 3).await;
        assert_eq!(came, [0, 1, 2]);

        let stranger = format!("amqp://nobody:nothing@{}/%2f", address(&url));
        let stranger = source(&options(stranger, &queue, queue_type), &[&queue]).await;
        let opened = stranger.open("billing", WHOLE).await.map(drop);
        let why = opened.expect_err("nobody knows him").to_string();
        assert!(why.contains("`nobody`"), "{why}");
        let nowhere = fresh_name("nowhere");
        let opened = source(&here, &[&queue, &nowhere]).await.open("billing", WHOLE).await;
        let why = opened.map(drop).expect_err("one of them is not there");
        assert!(matches!(&why, ReceiveError::Missing { why } if why.contains(&nowhere)), "{why:?}");

        send(&publisher, &queue, [5]).await;
        let (came, _) = ids(&mut *receiver, 3).await;
        assert_eq!(came, [3, 4, 5], "{queue_type:?}: it has gone on without a break");
        receiver.acknowledge(last).await.expect("it is still his");
        let mut new = open(&good).await;
        assert_eq!(ids(&mut *new, 3).await.0, [3, 4, 5]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_cut_off_is_waited_for_and_moves_nothing() {
    join_all(BOTH.map(async |queue_type| {
        let shared = RabbitMq::shared().await;
        let proxy = Proxy::to(address(&shared)).await;
        let queue = fresh_name("half_open");
        let here = options(&shared, &queue, queue_type);
        let there = options(through(&proxy), &queue, queue_type).heartbeat(Duration::from_secs(4));
        let publisher = publisher(&here).await;
        send(&publisher, &queue, 0..5).await;
        let mut old = open(&source(&there, &[&queue]).await).await;
        let (came, last) = ids(&mut *old, 3).await;
        assert_eq!(came, [0, 1, 2]);

        proxy.freeze();
        let mut new = open(&source(&here, &[&queue]).await).await;
        send(&publisher, &queue, [5]).await;
        // Two heartbeats of four seconds, in which it looks around. Of a quorum queue the server counts only the
        // one that has it, and it waits in silence.
        if queue_type == QueueType::Classic {
            let why = why_down(&mut *new).await;
            assert!(why.contains(&queue) && why.contains("somebody else"), "{why}");
        }
        assert_eq!(ids_until(&mut *new, 5).await.0, [0, 1, 2, 3, 4, 5], "{queue_type:?}");

        proxy.thaw();
        // It may not know yet that it was given up, and may connect anew before it is told.
        let _ = old.acknowledge(last).await;
        drop(new);
        let (came, last) = ids_until(&mut *old, 5).await;
        assert_eq!(came, [0, 1, 2, 3, 4, 5], "nothing was acknowledged");
        old.acknowledge(last).await.expect("the broker is there");
    }))
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exclusive_consumer_keeps_others_out() {
    let url = RabbitMq::shared().await;
    let queue = fresh_name("exclusive");
    let (_connection, channel) = client(&url).await;
    let durable = QueueDeclareOptions { durable: true, ..Default::default() };
    let made = channel.queue_declare(queue.as_str().into(), durable, Default::default()).await;
    made.expect("it can be made");
    let options = plain(&url).take_over(TakeOver::Exclusive);
    let publisher = publisher(&options).await;
    send(&publisher, &queue, 0..5).await;
    let proxy = Proxy::to(address(&url)).await;
    let elsewhere = plain(through(&proxy)).take_over(TakeOver::Exclusive);
    let mut old = open(&source(&elsewhere, &[&queue]).await).await;
    assert_eq!(ids(&mut *old, 3).await.0, [0, 1, 2]);
    let others = source(&options, &[&queue]).await;
    let opened = others.open("billing", WHOLE).await.map(drop);
    let why = opened.expect_err("it has it to itself");
    assert!(super::is_down(&why) && why.to_string().contains("somebody else"), "{why:?}");
    let opening = tokio::spawn(async move { others.open("billing", WHOLE).await });
    drop(old);
    let mut new = opening.await.expect("nothing is wrong").expect("it is free now");
    assert_eq!(ids(&mut *new, 5).await.0, [0, 1, 2, 3, 4]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_goes_on_to_who_waits_at_once() {
    let queue = fresh_name("waits");
    let url = RabbitMq::shared().await;
    let proxy = Proxy::to(address(&url)).await;
    let elsewhere = options(through(&proxy), &queue, QueueType::Quorum);
    let options = options(url, &queue, QueueType::Quorum);
    let publisher = publisher(&options).await;
    send(&publisher, &queue, 0..3).await;
    let mut old = open(&source(&elsewhere, &[&queue]).await).await;
    assert_eq!(ids(&mut *old, 3).await.0, [0, 1, 2]);
    let mut new = open(&source(&options, &[&queue]).await).await;
    nothing(&mut *new).await;
    drop(old);
    assert_eq!(ids(&mut *new, 3).await.0, [0, 1, 2]);
}
