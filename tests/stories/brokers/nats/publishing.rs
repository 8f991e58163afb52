//! Messages leave, in order, and are there when the broker has said so.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use annals::outbox::{Address, Message, Published, Publisher};
use annals_tests::brokers::Nats;
use bytes::Bytes;
use tokio::time::timeout;

use super::{
    PATIENCE, message, numbers, on_both, open, options, publisher, publisher_with, send, source,
};

fn pairs(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// Both modes of CloudEvents, with everything that a message can have.
fn full() -> [Message; 2] {
    let structured = Message {
        content_type: "application/cloudevents+json".to_owned(),
        headers: pairs(&[(
            "traceparent",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        )]),
        ..message("a-1", "order-17", r#"{"specversion":"1.0"}"#)
    };
    let binary = Message {
        attributes: pairs(&[
            ("specversion", "1.0"),
            ("id", "b-1"),
            ("source", "/shop"),
            ("type", "shop.order.placed"),
            ("subject", "Bestellung 17 \u{fc}ber \"100 %\""),
            ("time", "2026-03-02T09:15:27.481Z"),
            ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
        ]),
        headers: pairs(&[("eventType", "placed"), ("X-Empty", ""), ("x_under", "a: b")]),
        ..message("b-1", " key with spaces and \u{20ac} ", r#"{"order":"17"}"#)
    };
    [structured, binary]
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_arrive_with_all_that_they_carry() {
    on_both(async |kind| {
        let server = Nats::start_as(kind).await;
        let publisher = publisher(&server).await;
        assert_eq!(publisher.broker(), server.url());
        let to = Address::new("shop.orders");
        for message in &full() {
            let sent = publisher.publish(&to, message).await.expect("the broker is there");
            assert_eq!(sent, Published::Stored);
        }
        let source = source(&server, &["shop.orders"]).await;
        let mut receiver = open(&source, "mail").await;
        let mut received = Vec::new();
        while received.len() < 2 {
            let more = timeout(PATIENCE, receiver.receive(10)).await.expect("they come");
            received.extend(more.expect("the broker is there").into_iter().map(|one| one.message));
        }
        assert_eq!(received, full());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_keep_their_order_while_many_are_sent_at_once() {
    on_both(async |kind| {
        let server = Nats::start_as(kind).await;
        let publisher = Arc::new(publisher(&server).await);
        // Two hundred at a time: ten lanes of twenty keys each.
        let mut senders = tokio::task::JoinSet::new();
        for sender in 0..200_u64 {
            let publisher = Arc::clone(&publisher);
            senders.spawn(async move {
                let to = Address::new(format!("shop.lane{}", sender % 10));
                for step in 0..20_u64 {
                    let id = (sender * 1000 + step).to_string();
                    let sent =
                        publisher.publish(&to, &message(id, &sender.to_string(), "{}")).await;
                    assert_eq!(sent.expect("the broker is there"), Published::Stored);
                }
            });
        }
        timeout(PATIENCE, senders.join_all()).await.expect("all are sent");
        let lanes: Vec<String> = (0..10).map(|lane| format!("shop.lane{lane}")).collect();
        let lanes: Vec<&str> = lanes.iter().map(String::as_str).collect();
        let source = source(&server, &lanes).await;
        let mut receiver = open(&source, "mail").await;
        let (numbers, _) = numbers(&mut *receiver, 4000).await;
        let mut next = BTreeMap::new();
        for number in numbers {
            let step = next.entry(number / 1000).or_insert(0);
            assert_eq!(number % 1000, *step, "key {}", number / 1000);
            *step += 1;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_survives_a_kill() {
    on_both(async |kind| {
        let mut server = Nats::start_as(kind).await;
        let publisher = publisher(&server).await;
        send(&publisher, "shop.orders", 1..=50).await;
        server.kill();
        server.restart().await;
        let source = source(&server, &["shop.>"]).await;
        let mut receiver = open(&source, "mail").await;
        let (numbers, _) = numbers(&mut *receiver, 50).await;
        assert_eq!(numbers, Vec::from_iter(1..=50));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn large_bodies_arrive() {
    on_both(async |kind| {
        let server = Nats::start_as(kind.with_max_payload(16 * 1024 * 1024)).await;
        let publisher =
            publisher_with(options(server.url()).answer_within(Duration::from_secs(30))).await;
        let to = Address::new("shop.orders");
        let sizes = [1_000_000, 10_000_000, 10, 2_000_000];
        for (id, size) in (1..).zip(sizes) {
            let body = Bytes::from(vec![b'x'; size]);
            let sent = publisher.publish(&to, &message(id.to_string(), "k", body)).await;
            assert_eq!(sent.expect("it is taken"), Published::Stored);
        }
        // So many lanes that none of them has room for the largest.
        let lanes: Vec<String> = (0..39).map(|lane| format!("shop.l{lane}")).collect();
        let lanes: Vec<&str> = lanes.iter().map(String::as_str).chain(["shop.orders"]).collect();
        let source = source(&server, &lanes).await;
        let mut receiver = open(&source, "mail").await;
        let mut received = Vec::new();
        while received.len() < sizes.len() {
            let more = timeout(PATIENCE, receiver.receive(100)).await.expect("they come");
            let more = more.expect("the broker is there");
            received.extend(more.into_iter().map(|one| one.message.body.len()));
        }
        assert_eq!(received, sizes);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repetition_is_stored_once() {
    on_both(async |kind| {
        let mut server = Nats::start_as(kind).await;
        let publisher = publisher(&server).await;
        let to = Address::new("shop.orders");
        send(&publisher, "shop.orders", [1, 2]).await;
        let again = publisher.publish(&to, &message("1", "k", "{}")).await;
        assert_eq!(again.expect("it is known"), Published::Repeated);
        // The server remembers ids when it comes back.
        server.kill();
        server.restart().await;
        let again = loop {
            match publisher.publish(&to, &message("2", "k", "{}")).await {
                Ok(published) => break published,
                Err(error) => println!("not yet: {error}"),
            }
        };
        assert_eq!(again, Published::Repeated);
        send(&publisher, "shop.orders", [3]).await;
        let source = source(&server, &["shop.orders"]).await;
        let mut receiver = open(&source, "mail").await;
        assert_eq!(numbers(&mut *receiver, 3).await.0, [1, 2, 3]);
    })
    .await;
}
