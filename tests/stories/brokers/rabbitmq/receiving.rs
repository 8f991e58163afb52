//! What is received comes in order, in bounded memory, and again when it was not acknowledged.

use std::time::Duration;

use annals::outbox::rabbitmq::{ExchangeType, QueueType, Topology};
use annals::outbox::{Address, Part, Publisher, ReceiveError, Source};
use annals_tests::brokers::{RabbitMq, fresh_name};
use annals_tests::servers::Proxy;
use tokio::time::timeout;

use super::{
    BOTH, delete_queue, ids, ids_until, message, nothing, open, options, plain, publisher, send,
    source, why_down,
};

#[tokio::test(flavor = "multi_thread")]
async fn what_was_not_acknowledged_comes_again_first() {
    for queue_type in BOTH {
        let queue = fresh_name("again");
        let options = options(RabbitMq::shared().await, &queue, queue_type);
        let publisher = publisher(&options).await;
        let source = source(&options, &[&queue]).await;
        send(&publisher, &queue, 0..50).await;
        let mut receiver = open(&source).await;
        let (came, _) = ids(&mut *receiver, 30).await;
        assert_eq!(came, Vec::from_iter(0..30));
        receiver.acknowledge(10).await.expect("the broker is there");
        drop(receiver);
        send(&publisher, &queue, 50..60).await;
        let mut receiver = open(&source).await;
        let (came, last) = ids(&mut *receiver, 50).await;
        assert_eq!(came, Vec::from_iter(10..60), "{queue_type:?}");
        receiver.acknowledge(last).await.expect("the broker is there");
        nothing(&mut *receiver).await;
        drop(receiver);
        nothing(&mut *open(&source).await).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_more_comes_than_may_be_held_also_after_a_cut() {
    for queue_type in BOTH {
        let queue = fresh_name("prefetch");
        let shared = RabbitMq::shared().await;
        let options = options(&shared, &queue, queue_type).prefetch(20);
        let publisher = publisher(&options).await;
        send(&publisher, &queue, 0..100).await;
        let host = shared.rsplit(['@', '/']).find(|part| part.contains(':')).expect("a host");
        let proxy = Proxy::to(host).await;
        let through = super::options(format!("amqp://{}/%2f", proxy.address()), &queue, queue_type);
        let mut receiver = open(&source(&through.prefetch(20), &[&queue]).await).await;
        for begin in [0, 20] {
            let (came, last) = ids(&mut *receiver, 20).await;
            assert_eq!(came, Vec::from_iter(begin..begin + 20));
            nothing(&mut *receiver).await;
            receiver.acknowledge(last).await.expect("the broker is there");
        }
        let (came, last) = ids(&mut *receiver, 20).await;
        assert_eq!(came, Vec::from_iter(40..60));
        proxy.cut();
        let why = why_down(&mut *receiver).await;
        assert!(why.contains(&queue), "{why}");
        // By a delivery tag of the channel before: it would be another message's on this one.
        let (came, again) = ids(&mut *receiver, 20).await;
        assert_eq!(came, Vec::from_iter(40..60));
        receiver.acknowledge(last).await.expect("it is not heeded");
        nothing(&mut *receiver).await;
        receiver.acknowledge(again).await.expect("the broker is there");
        assert_eq!(ids(&mut *receiver, 20).await.0, Vec::from_iter(60..80));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_that_are_dropped_lose_nothing() {
    let queue = fresh_name("dropped");
    let options = options(RabbitMq::shared().await, &queue, QueueType::Classic);
    let publisher = publisher(&options).await;
    let mut receiver = open(&source(&options, &[&queue]).await).await;
    let sending = tokio::spawn({
        let queue = queue.clone();
        async move { send(&publisher, &queue, 0..500).await }
    });
    let (mut came, mut dropped) = (Vec::new(), 0);
    while came.len() < 500 {
        match timeout(Duration::from_micros(300), receiver.receive(7)).await {
            Ok(received) => {
                for received in received.expect("the broker is there") {
                    came.push(received.message.id.parse::<u64>().expect("a number"));
                    assert_eq!(received.number, came.len() as u64);
                    receiver.acknowledge(received.number).await.expect("the broker is there");
                }
            }
            Err(_) => dropped += 1,
        }
    }
    assert_eq!(came, Vec::from_iter(0..500));
    assert!(dropped > 0, "some were dropped");
    sending.await.expect("the broker is there");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_has_queues_of_its_own_and_a_part_some_of_them() {
    let exchange = fresh_name("parts");
    let mut topology = Topology::declared().exchange(&exchange, ExchangeType::Direct);
    for lane in 0..4 {
        let queue = format!("{exchange}.{{group}}.{lane}");
        topology =
            topology.queue(&queue, QueueType::Classic).bind(&queue, &exchange, lane.to_string());
    }
    let options = plain(RabbitMq::shared().await).topology(topology);
    let queues: Vec<String> = (0..4).map(|lane| format!("{exchange}.{{group}}.{lane}")).collect();
    let queues: Vec<&str> = queues.iter().map(String::as_str).collect();
    let source = source(&options, &queues).await;
    let part = |index, of| Part { index, of };
    let mut whole = source.open("billing", part(0, 1)).await.expect("the queues are made");
    let mut even = source.open("mail", part(0, 2)).await.expect("the queues are made");
    let mut odd = source.open("mail", part(1, 2)).await.expect("the queues are made");
    let mut without = source.open("few", part(5, 8)).await.expect("there is nothing to take");
    let publisher = publisher(&options).await;
    for number in 0..8_u64 {
        let place = Address::new(&exchange).routing_key((number % 4).to_string());
        publisher.publish(&place, &message(number, "{}")).await.expect("it is taken");
    }
    for (receiver, expected) in [
        (&mut whole, vec![0, 1, 2, 3, 4, 5, 6, 7]),
        (&mut even, vec![0, 2, 4, 6]),
        (&mut odd, vec![1, 3, 5, 7]),
    ] {
        let (came, _) = ids(&mut **receiver, expected.len()).await;
        for lane in 0..4 {
            let lane = |ids: &[u64]| -> Vec<u64> {
                ids.iter().copied().filter(|number| number % 4 == lane).collect()
            };
            assert_eq!(lane(&came), lane(&expected));
        }
    }
    nothing(&mut *without).await;
    without.acknowledge(0).await.expect("there is nothing to acknowledge");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_that_is_deleted_is_told() {
    for queue_type in BOTH {
        let url = RabbitMq::shared().await;
        let queue = fresh_name("deleted");
        let declaring = options(&url, &queue, queue_type);
        let publisher = publisher(&declaring).await;
        send(&publisher, &queue, [1]).await;
        let mut receiver = open(&source(&plain(&url), &[&queue]).await).await;
        assert_eq!(ids(&mut *receiver, 1).await.0, [1]);
        delete_queue(&url, &queue).await;
        let why = why_down(&mut *receiver).await;
        assert!(why.contains(&queue) && why.contains("deleted"), "{why}");
        let received = receiver.receive(1).await;
        let missing =
            matches!(&received, Err(ReceiveError::Missing { why }) if why.contains(&queue));
        assert!(missing, "{received:?}");
        // Made anew by who declares it.
        let again = super::publisher(&declaring).await;
        send(&again, &queue, [2]).await;
        assert_eq!(ids(&mut *receiver, 1).await.0, [2]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn cuts_in_a_row_lose_nothing_and_keep_the_order() {
    let shared = RabbitMq::shared().await;
    let host = shared.rsplit(['@', '/']).find(|part| part.contains(':')).expect("a host");
    let proxy = Proxy::to(host).await;
    let queue = fresh_name("cuts");
    let publisher = publisher(&options(&shared, &queue, QueueType::Quorum)).await;
    send(&publisher, &queue, 0..400).await;
    let through = options(format!("amqp://{}/%2f", proxy.address()), &queue, QueueType::Quorum);
    let mut receiver = open(&source(&through, &[&queue]).await).await;
    let mut had = 0;
    for round in 1..=8 {
        let end = round * 50 - 1;
        let (came, last) = ids_until(&mut *receiver, end).await;
        let first = *came.first().expect("something came");
        assert!(first <= had, "{had} is missing: {came:?}");
        assert_eq!(came, Vec::from_iter(first..=end));
        // It may not have noticed the cut before.
        let _ = receiver.acknowledge(last).await;
        had = end + 1;
        proxy.cut();
    }
}
