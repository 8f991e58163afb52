//! What is published arrives as it was, and everybody learns what became of his own message.

use std::collections::BTreeMap;

use annals::outbox::rabbitmq::{ExchangeType, QueueType, Topology};
use annals::outbox::{Address, Message, PublishError, Publisher};
use annals_tests::brokers::{RabbitMq, fresh_name};
use futures_util::future::join_all;

use super::{BOTH, ids, message, open, options, plain, publisher, send, source, to};

#[tokio::test(flavor = "multi_thread")]
async fn a_message_arrives_as_it_was_in_both_modes() {
    for queue_type in BOTH {
        let queue = fresh_name("modes");
        let options = options(RabbitMq::shared().await, &queue, queue_type);
        let publisher = publisher(&options).await;
        let pairs = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
            pairs.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect()
        };
        let binary = Message {
            attributes: pairs(&[("specversion", "1.0"), ("id", "7"), ("subject", "Größe 7 ☂")]),
            headers: pairs(&[("tenant", "north"), ("x-empty", "")]),
            ..message(7, r#"{"total":3}"#)
        };
        let structured = Message {
            content_type: "application/cloudevents+json".to_owned(),
            ..message(8, r#"{"specversion":"1.0","id":"8"}"#)
        };
        let bare = Message {
            id: String::new(),
            key: String::new(),
            content_type: String::new(),
            ..message(9, "")
        };
        let sent = [binary, structured, bare];
        for message in &sent {
            publisher.publish(&to(&queue), message).await.expect("it is taken");
        }
        let mut receiver = open(&source(&options, &[&queue]).await).await;
        let mut came = Vec::new();
        while came.len() < sent.len() {
            let received = receiver.receive(10).await.expect("the broker is there");
            came.extend(received.into_iter().map(|received| received.message));
        }
        assert_eq!(came, sent);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_at_once_stay_in_order_of_their_keys() {
    const KEYS: u64 = 200;
    const EACH: u64 = 5;
    let exchange = fresh_name("keys");
    let queues: Vec<String> = (0..4).map(|lane| format!("{exchange}.{lane}")).collect();
    let mut topology = Topology::declared().exchange(&exchange, ExchangeType::Direct);
    for (lane, queue) in queues.iter().enumerate() {
        topology =
            topology.queue(queue, QueueType::Quorum).bind(queue, &exchange, lane.to_string());
    }
    let options = plain(RabbitMq::shared().await).topology(topology).prefetch(2000);
    let publisher = publisher(&options).await;
    let sending = (0..KEYS).map(|key| {
        let to = Address::new(&exchange).routing_key((key % 4).to_string());
        let publisher = publisher.clone();
        tokio::spawn(async move {
            for number in 0..EACH {
                let message = Message { key: key.to_string(), ..message(number, "{}") };
                publisher.publish(&to, &message).await.expect("it is taken");
            }
        })
    });
    for sent in join_all(sending).await {
        sent.expect("nothing is wrong");
    }
    let queues: Vec<&str> = queues.iter().map(String::as_str).collect();
    let mut receiver = open(&source(&options, &queues).await).await;
    let mut keys: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut last = 0;
    while last < KEYS * EACH {
        for received in receiver.receive(64).await.expect("the broker is there") {
            last = received.number;
            keys.entry(received.message.key).or_default().push(received.message.id);
        }
    }
    receiver.acknowledge(last).await.expect("the broker is there");
    assert_eq!(keys.len(), KEYS as usize);
    for (key, ids) in keys {
        assert_eq!(ids, ["0", "1", "2", "3", "4"], "{key}");
    }
}

/// The client gives returned messages to confirms of others.
#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_told_the_fate_of_another() {
    const MESSAGES: u64 = 3000;
    for queue_type in BOTH {
        let queue = fresh_name("fates");
        let options = options(RabbitMq::shared().await, &queue, queue_type).prefetch(4000);
        let publisher = publisher(&options).await;
        let nowhere = to(&fresh_name("nowhere"));
        let sending = (0..MESSAGES).map(|number| {
            let (publisher, queue, nowhere) = (publisher.clone(), to(&queue), nowhere.clone());
            tokio::spawn(async move {
                let is_lost = number % 7 == 3;
                let to = if is_lost { nowhere } else { queue };
                match publisher.publish(&to, &message(number, "{}")).await {
                    Ok(_) => assert!(!is_lost, "{number} was routed nowhere"),
                    Err(PublishError::Missing { .. }) => assert!(is_lost, "{number} is stored"),
                    Err(error) => panic!("{number}: {error:?}"),
                }
            })
        });
        for told in join_all(sending).await {
            told.expect("everybody is told the truth");
        }
        let mut receiver = open(&source(&options, &[&queue]).await).await;
        let expected: Vec<u64> = (0..MESSAGES).filter(|number| number % 7 != 3).collect();
        let (mut came, _) = ids(&mut *receiver, expected.len()).await;
        came.sort_unstable();
        assert_eq!(came, expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn large_bodies_arrive_whole() {
    let queue = fresh_name("large");
    let options = options(RabbitMq::shared().await, &queue, QueueType::Quorum).prefetch(2);
    let publisher = publisher(&options).await;
    let mut receiver = open(&source(&options, &[&queue]).await).await;
    for (number, megabytes) in [(1, 1), (2, 10), (3, 24)] {
        let body: Vec<u8> = (0..megabytes << 20).map(|place| (place % 251) as u8).collect();
        publisher.publish(&to(&queue), &message(number, body.clone())).await.expect("it is taken");
        let received = receiver.receive(1).await.expect("the broker is there");
        assert!(received[0].message.body == body, "{megabytes} MB");
        receiver.acknowledge(received[0].number).await.expect("the broker is there");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_that_are_dropped_leave_nothing_behind() {
    let queue = fresh_name("dropped");
    // Room for few: what leaks would be in the way of others.
    let options = options(RabbitMq::shared().await, &queue, QueueType::Classic).in_flight(4);
    let publisher = publisher(&options).await;
    send(&publisher, &queue, [0]).await;
    for number in 1..300 {
        let to = to(&queue);
        let message = message(number, "{}");
        let mut publishing = publisher.publish(&to, &message);
        // Once, so that it has begun.
        let polled = futures_util::poll!(publishing.as_mut());
        assert!(polled.is_pending());
    }
    send(&publisher, &queue, 300..310).await;
}
