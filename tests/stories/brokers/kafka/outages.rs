//! Servers and networks that break.

use std::sync::Arc;
use std::time::Instant;

use annals_tests::servers::Proxy;

use super::*;

/// The longest that a call with [`options`] may take.
const LIMIT: Duration = Duration::from_secs(12);

fn no_word(error: &PublishError) {
    let known = matches!(error, PublishError::Down { .. } | PublishError::InDoubt { .. });
    assert!(known, "{error:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_down_delays_and_the_same_values_go_on() {
    let mut server = Kafka::start().await;
    let (url, topic) = (server.url(), fresh_name("down"));
    make(&url, &topic, 1, &[]).await;
    let first_publisher = publisher(&url).await;
    send(&first_publisher, &topic, &messages(1..=3)).await;
    let source = source(&url, &[&topic]).await;
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
        let error = publisher.publish(&to, &message("order-1", 4)).await.expect_err("it is down");
        no_word(&error);
        assert!(begun.elapsed() < LIMIT, "{:?}", begun.elapsed());
        println!("{:?}: {error}", begun.elapsed());
    }
    // Now they know.
    let error = first_publisher.publish(&to, &message("order-1", 4)).await.expect_err("it is down");
    assert!(down(&error).contains("refused"), "{error}");
    let error = second_publisher.prepare(&[to]).await.expect_err("it is down");
    assert!(down(&error).contains(&server.address()), "{error}");
    for _ in 0..2 {
        let begun = Instant::now();
        let error = receiver.receive(1).await.expect_err("it is down");
        assert!(matches!(error, ReceiveError::Down { .. }), "{error:?}");
        assert!(begun.elapsed() < LIMIT, "{:?}", begun.elapsed());
        println!("{:?}: {error}", begun.elapsed());
    }
    let error = source.open("other", WHOLE).await.err().expect("it is down");
    assert!(matches!(error, ReceiveError::Down { .. }), "{error:?}");

    server.restart().await;
    // What was not acknowledged comes again, and what is sent now comes.
    let (came, _) = take(&mut *receiver, 1).await;
    assert_eq!(came, messages(3..=3));
    // Those in doubt may have been stored.
    send(&second_publisher, &topic, &messages(5..=5)).await;
    send(&first_publisher, &topic, &messages(6..=6)).await;
    let mut last = String::new();
    while last != "order-1-6" {
        last.clone_from(&take(&mut *receiver, 1).await.0[0].id);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frozen_server_is_noticed_within_the_limit() {
    let server = Kafka::start().await;
    let (url, topic) = (server.url(), fresh_name("frozen"));
    make(&url, &topic, 1, &[]).await;
    let publisher = publisher(&url).await;
    send(&publisher, &topic, &messages(1..=2)).await;
    let mut receiver = receiver(&url, &topic).await;
    take(&mut *receiver, 2).await;
    receiver.acknowledge(1).await.expect("the server is there");
    wait_for_offset(&url, &topic, 0, 1).await;
    server.freeze();

    let to = Address::new(&topic);
    let begun = Instant::now();
    let error = publisher.publish(&to, &message("order-1", 3)).await.expect_err("no answer");
    assert!(matches!(error, PublishError::InDoubt { .. }), "{error:?}");
    assert!(begun.elapsed() < LIMIT, "{:?}", begun.elapsed());
    println!("{:?}: {error}", begun.elapsed());
    let begun = Instant::now();
    let error = within(receiver.receive(1)).await.expect_err("no answer");
    assert!(matches!(error, ReceiveError::Down { .. }), "{error:?}");
    println!("{:?}: {error}", begun.elapsed());

    server.thaw();
    within(async {
        while let Err(error) = publisher.publish(&to, &message("order-1", 4)).await {
            no_word(&error);
        }
    })
    .await;
    let mut ids = Vec::new();
    within(async {
        while ids.last().is_none_or(|id| id != "order-1-4") {
            match receiver.receive(10).await {
                Ok(received) => ids.extend(received.into_iter().map(|got| got.message.id)),
                Err(error) => assert!(matches!(error, ReceiveError::Down { .. }), "{error:?}"),
            }
        }
    })
    .await;
    assert_eq!(ids[0], "order-1-2", "not acknowledged, so it comes again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_are_cut_lose_nothing() {
    let proxy = Proxy::to("127.0.0.1:1").await;
    let server = Kafka::start_behind(&proxy).await;
    let (url, topic) = (format!("kafka://{}", proxy.address()), fresh_name("cut"));
    make(&url, &topic, 1, &[]).await;
    let publisher = Arc::new(publisher(&url).await);
    let mut receiver = receiver(&url, &topic).await;
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
