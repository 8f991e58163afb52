//! What was acknowledged is stored, in order.

use std::sync::Arc;

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_comes_as_it_was_sent() {
    let (url, topic) = topic("round_trip", 1).await;
    let publisher = publisher(&url).await;
    assert_eq!(publisher.broker(), url);
    let mut plain = message("order-1", 1);
    plain.headers.insert("eventType".to_owned(), "Grüße = 7 %".to_owned());
    let mut structured = message("order-1", 2);
    structured.content_type = "application/cloudevents+json".to_owned();
    let mut binary = message("order-1", 3);
    binary.attributes.insert("id".to_owned(), binary.id.clone());
    binary.attributes.insert("type".to_owned(), "shop.OrderPlaced".to_owned());
    binary.attributes.insert("source".to_owned(), "/shop/ä".to_owned());
    binary.headers.insert("traceparent".to_owned(), "00-1-2-01".to_owned());
    let mut empty = message("", 4);
    empty.body = bytes::Bytes::new();
    let sent = [plain, structured, binary, empty];
    send(&publisher, &topic, &sent).await;

    let mut receiver = receiver(&url, &topic).await;
    assert_eq!(take(&mut *receiver, 4).await.0, sent);
    nothing(&mut *receiver).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_stay_in_order_under_200_senders_at_once() {
    const PER_KEY: usize = 50;
    let (url, topic) = topic("order", 6).await;
    let publisher = Arc::new(publisher(&url).await);
    // Ten of 200 senders share a key, and take turns at it.
    let turns: Vec<_> = (0..20).map(|_| Arc::new(tokio::sync::Mutex::new(0))).collect();
    let senders = (0..200).map(|sender| {
        let (publisher, turn) = (publisher.clone(), turns[sender % 20].clone());
        let to = Address::new(&topic);
        tokio::spawn(async move {
            for _ in 0..PER_KEY / 10 {
                let mut number = turn.lock().await;
                *number += 1;
                let message = message(&format!("order-{}", sender % 20), *number);
                publisher.publish(&to, &message).await.expect("the server is there");
            }
        })
    });
    for sender in senders.collect::<Vec<_>>() {
        within(sender).await.expect("no panic");
    }

    let mut receiver = receiver(&url, &topic).await;
    let (came, _) = take(&mut *receiver, 20 * PER_KEY).await;
    let mut last = BTreeMap::new();
    for message in came {
        let number: usize = String::from_utf8_lossy(&message.body).parse().expect("a number");
        let before = last.insert(message.key.clone(), number).unwrap_or(0);
        assert_eq!(number, before + 1, "{}", message.key);
    }
    assert_eq!(last.len(), 20);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_at_once_share_requests() {
    let (url, topic) = topic("many", 4).await;
    let publisher = Arc::new(publisher(&url).await);
    send(&publisher, &topic, &messages(1..=1)).await;
    let begun = std::time::Instant::now();
    let sending = (0..5_000).map(|number| {
        let (publisher, to) = (publisher.clone(), Address::new(&topic));
        tokio::spawn(async move {
            publisher.publish(&to, &message(&format!("order-{number}"), 1)).await
        })
    });
    for sent in sending.collect::<Vec<_>>() {
        within(sent).await.expect("no panic").expect("the server is there");
    }
    println!("5,000 messages in {:?}", begun.elapsed());

    // What is given up leaves nothing behind, and the next ones go.
    for number in 0..100 {
        let (to, message) = (Address::new(&topic), message("given-up", number));
        let _ = tokio::time::timeout(Duration::ZERO, publisher.publish(&to, &message)).await;
    }
    send(&publisher, &topic, &messages(2..=3)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_survives_a_kill() {
    let mut server = Breakable::<KafkaKind>::take().await;
    let (url, topic) = (server.url(), fresh_name("stored"));
    make(&url, &topic, 1, &[]).await;
    let publisher = publisher(&url).await;
    let sent = messages(1..=20);
    send(&publisher, &topic, &sent).await;
    server.kill();
    server.restart().await;

    let mut receiver = receiver(&url, &topic).await;
    assert_eq!(take(&mut *receiver, 20).await.0, sent);
    // The same value goes on.
    let more = messages(21..=22);
    send(&publisher, &topic, &more).await;
    assert_eq!(take(&mut *receiver, 2).await.0, more);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn large_messages_go_through() {
    let (url, topic) = (Kafka::shared().await, fresh_name("large"));
    make(&url, &topic, 1, &[("max.message.bytes", "20000000")]).await;
    let publisher = publisher(&url).await;
    let mut sent = Vec::new();
    for (number, size) in [1_000_000, 1_048_576, 12_000_000, 10].into_iter().enumerate() {
        let mut message = message("order-1", number);
        message.body = vec![b'x'; size].into();
        sent.push(message);
    }
    send(&publisher, &topic, &sent).await;
    let mut receiver = receiver(&url, &topic).await;
    let (came, _) = take(&mut *receiver, 4).await;
    assert!(came == sent, "they are the same");
}
