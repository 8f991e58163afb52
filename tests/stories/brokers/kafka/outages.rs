//! Servers and networks that break.

use std::sync::Arc;
use std::time::Instant;

use annals_tests::servers::Proxy;

use super::*;

async fn publisher(url: &str) -> KafkaPublisher {
    KafkaPublisher::connect(hasty(url)).await.expect("good options")
}

async fn source(url: &str, topic: &str) -> KafkaSource {
    KafkaSource::connect(hasty(url), [topic]).await.expect("good options")
}

/// Sends it until it is stored, while the server is coming back.
async fn send_at_last(publisher: &KafkaPublisher, topic: &str, message: Message) {
    let to = Address::new(topic);
    within(async {
        while let Err(error) = publisher.publish(&to, &message).await {
            no_word(&error);
        }
    })
    .await;
}

/// Ids until this one comes, while the server is coming back.
async fn ids_until(receiver: &mut dyn Receiver, last: &str) -> Vec<String> {
    let mut ids: Vec<String> = Vec::new();
    within(async {
        while ids.last().is_none_or(|id| id != last) {
            match receiver.receive(1).await {
                Ok(received) => ids.extend(received.into_iter().map(|got| got.message.id)),
                Err(error) => assert!(matches!(error, ReceiveError::Down { .. }), "{error:?}"),
            }
        }
    })
    .await;
    ids
}

fn no_word(error: &PublishError) {
    let known = matches!(error, PublishError::Down { .. } | PublishError::InDoubt { .. });
    assert!(known, "{error:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_down_delays_and_the_same_values_go_on() {
    let mut server = Breakable::<KafkaKind>::take().await;
    let (url, topic) = (server.url(), fresh_name("down"));
    make(&url, &topic, 1, &[]).await;
    let first_publisher = publisher(&url).await;
    send(&first_publisher, &topic, &messages(1..=3)).await;
    let source = source(&url, &topic).await;
    let mut receiver = within(source.open(GROUP, WHOLE)).await.expect("the topic is there");
    let (_, last) = take(&mut *receiver, 3).await;
    receiver.acknowledge(last - 1).await.expect("the server is there");
    wait_for_offset(&url, &topic, 0, 2).await;
    server.stop();

    // Values that are made now, and those that are there.
    let second_publisher = publisher(&url).await;
    let to = Address::new(&topic);
    for publisher in [&first_publisher, &second_publisher] {
        let begun = Instant::now();
        let sent = within(publisher.publish(&to, &message("order-1", 4))).await;
        let error = sent.expect_err("it is down");
        no_word(&error);
        println!("{:?}: {error}", begun.elapsed());
    }
    // Now they know.
    let sent = within(first_publisher.publish(&to, &message("order-1", 4))).await;
    let error = sent.expect_err("it is down");
    assert!(down(&error).contains("refused"), "{error}");
    let error = within(second_publisher.prepare(&[to])).await.expect_err("it is down");
    assert!(down(&error).contains(&server.address()), "{error}");
    for _ in 0..2 {
        let begun = Instant::now();
        let error = within(receiver.receive(1)).await.expect_err("it is down");
        assert!(matches!(error, ReceiveError::Down { .. }), "{error:?}");
        println!("{:?}: {error}", begun.elapsed());
    }
    let error = within(source.open("other", WHOLE)).await.err().expect("it is down");
    assert!(matches!(error, ReceiveError::Down { .. }), "{error:?}");

    server.restart().await;
    // What was not acknowledged comes again, and what is sent now comes.
    let ids = ids_until(&mut *receiver, "order-1-3").await;
    assert_eq!(ids, ["order-1-3"]);
    send_at_last(&second_publisher, &topic, message("order-1", 5)).await;
    send_at_last(&first_publisher, &topic, message("order-1", 6)).await;
    // Those in doubt may have been stored.
    ids_until(&mut *receiver, "order-1-6").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frozen_server_is_noticed_within_the_limit() {
    let server = Breakable::<KafkaKind>::take().await;
    let (url, topic) = (server.url(), fresh_name("frozen"));
    make(&url, &topic, 1, &[]).await;
    let publisher = publisher(&url).await;
    send(&publisher, &topic, &messages(1..=2)).await;
    let source = source(&url, &topic).await;
    let mut receiver = within(source.open(GROUP, WHOLE)).await.expect("the topic is there");
    take(&mut *receiver, 2).await;
    receiver.acknowledge(1).await.expect("the server is there");
    wait_for_offset(&url, &topic, 0, 1).await;
    server.freeze();

    let to = Address::new(&topic);
    let begun = Instant::now();
    let error = within(publisher.publish(&to, &message("order-1", 3))).await;
    let error = error.expect_err("no answer");
    assert!(matches!(error, PublishError::InDoubt { .. }), "{error:?}");
    println!("{:?}: {error}", begun.elapsed());
    let begun = Instant::now();
    let error = within(receiver.receive(1)).await.expect_err("no answer");
    assert!(matches!(error, ReceiveError::Down { .. }), "{error:?}");
    println!("{:?}: {error}", begun.elapsed());

    server.thaw();
    send_at_last(&publisher, &topic, message("order-1", 4)).await;
    let ids = ids_until(&mut *receiver, "order-1-4").await;
    assert_eq!(ids[0], "order-1-2", "not acknowledged, so it comes again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_are_cut_lose_nothing() {
    let proxy = Proxy::to("127.0.0.1:1").await;
    let server = Kafka::start_behind(&proxy).await;
    let (url, topic) = (format!("kafka://{}", proxy.address()), fresh_name("cut"));
    make(&url, &topic, 1, &[]).await;
    let publisher = Arc::new(publisher(&url).await);
    let source = source(&url, &topic).await;
    let mut receiver = within(source.open(GROUP, WHOLE)).await.expect("the topic is there");
    let sending = {
        let (publisher, to) = (publisher.clone(), Address::new(&topic));
        tokio::spawn(async move {
            for number in 1..=300 {
                let message = message("order-1", number);
                // What is in doubt goes again before what follows it.
                while let Err(error) = publisher.publish(&to, &message).await {
                    no_word(&error);
                }
            }
        })
    };
    let (mut had, mut cuts) = (0, 0);
    within(async {
        while had < 300 {
            match receiver.receive(10).await {
                Ok(received) => {
                    let last = received.last().map_or(0, |received| received.number);
                    for received in received {
                        let number = String::from_utf8_lossy(&received.message.body).parse();
                        let number: usize = number.expect("a number");
                        assert!(number <= had + 1, "{number} comes after {had}");
                        had = had.max(number);
                    }
                    receiver.acknowledge(last).await.expect("it is sent later");
                }
                Err(error) => assert!(matches!(error, ReceiveError::Down { .. }), "{error:?}"),
            }
            if had / 50 > cuts {
                cuts += 1;
                match cuts % 2 {
                    0 => proxy.cut(),
                    _ => drop(proxy.cut_replies()),
                }
            }
        }
    })
    .await;
    sending.await.expect("no panic");
    assert!(cuts >= 5, "{cuts}");
    wait_for_offset(&url, &topic, 0, {
        let consumer: BaseConsumer = plain(&url).create().expect("a client");
        consumer.fetch_watermarks(&topic, 0, PATIENCE).expect("the server is there").1
    })
    .await;
    drop(server);
}
