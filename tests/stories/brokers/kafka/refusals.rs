//! What a broker will never take, and what is not there.

use super::*;

#[track_caller]
fn missing(error: &PublishError) -> String {
    assert!(matches!(error, PublishError::Missing { .. }), "{error:?}");
    error.to_string()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_too_large_is_refused_and_harms_no_other() {
    let (url, topic) = (Kafka::shared().await, fresh_name("small"));
    make(&url, &topic, 1, &[("max.message.bytes", "5000")]).await;
    let publisher = publisher(&url).await;
    let to = Address::new(&topic);
    let mut large = message("order-0", 1);
    large.body = vec![b'x'; 6_000].into();
    // Together they make requests that are larger than the topic takes, which refuses them as a whole.
    let small: Vec<_> = (1..=200)
        .map(|number| {
            let mut message = message(&format!("order-{number}"), number);
            message.body = vec![b'y'; 500].into();
            message
        })
        .collect();
    let sending = small.iter().map(|message| publisher.publish(&to, message));
    let (refused, sent) =
        tokio::join!(publisher.publish(&to, &large), futures_util::future::join_all(sending));
    let error = refused.expect_err("it is too large");
    assert!(matches!(error, PublishError::Refused { .. }), "{error:?}");
    assert!(error.to_string().contains("max.message.bytes"), "{error}");
    assert!(sent.iter().all(|sent| matches!(sent, Ok(Published::Stored))), "{sent:?}");

    let mut receiver = receiver(&url, &topic).await;
    let (came, _) = take(&mut *receiver, small.len()).await;
    let keys: std::collections::BTreeSet<_> = came.iter().map(|message| &message.key).collect();
    assert_eq!(keys.len(), 200);
    nothing(&mut *receiver).await;

    large.body = vec![b'x'; 101_000_000].into();
    let error = publisher.publish(&to, &large).await.expect_err("no broker takes it");
    assert!(matches!(error, PublishError::Refused { .. }), "{error:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_topic_that_is_not_there_is_said_and_found_when_it_is() {
    let (url, topic) = (Kafka::shared().await, fresh_name("missing"));
    let publisher = publisher(&url).await;
    let to = Address::new(&topic);
    let prepared =
        within(publisher.prepare(std::slice::from_ref(&to))).await.expect_err("it is not there");
    assert!(missing(&prepared).contains("kafka-topics.sh"), "{prepared}");
    for _ in 0..2 {
        let sent = within(publisher.publish(&to, &message("order-1", 1))).await;
        let error = missing(&sent.expect_err("it is not there"));
        assert!(error.contains(&format!("--create --topic {topic}")), "{error}");
    }
    let opened = within(source(&url, &[&topic]).await.open(GROUP, WHOLE)).await;
    let error = opened.err().expect("it is not there");
    assert!(matches!(&error, ReceiveError::Missing { why } if why.contains(&topic)), "{error:?}");

    // This server makes topics that clients ask for. Ours ask in another way.
    make(&url, &topic, 3, &[]).await;
    within(async {
        while let Err(error) = publisher.publish(&to, &message("order-1", 1)).await {
            missing(&error);
        }
    })
    .await;
    within(publisher.prepare(&[to])).await.expect("it is there");

    let routed = Address::new("orders").routing_key("placed");
    let error = publisher.publish(&routed, &message("order-1", 1)).await.expect_err("no keys here");
    assert!(missing(&error).contains("routing key"), "{error}");
    let error = publisher.publish(&Address::new("a b"), &message("order-1", 1)).await;
    assert!(missing(&error.expect_err("no such name")).contains("`a b`"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn topics_are_made_where_that_is_wanted() {
    let url = Kafka::shared().await;
    let (sent_to, received_from) = (fresh_name("made"), fresh_name("made_by_a_source"));
    let options = options(&url).declare_topics(5, 1);
    let publisher = KafkaPublisher::connect(options.clone()).await.expect("good options");
    let places = [Address::new(&sent_to)];
    for _ in 0..2 {
        within(publisher.prepare(&places)).await.expect("it is made, and then is there");
    }
    send(&publisher, &sent_to, &messages(1..=3)).await;
    let source = KafkaSource::connect(options, [&*received_from]).await.expect("good options");
    drop(within(source.open(GROUP, WHOLE)).await.expect("it is made"));
    let consumer: BaseConsumer = plain(&url).create().expect("a client");
    for topic in [&sent_to, &received_from] {
        let found = consumer.fetch_metadata(Some(topic), PATIENCE).expect("the server is there");
        assert_eq!(found.topics()[0].partitions().len(), 5, "{topic}");
    }
}

#[tokio::test]
async fn options_that_cannot_be_are_refused_at_once() {
    for url in ["nats://127.0.0.1", "kafka://a:hidden@", "kafka://a:hidden@one:x"] {
        let refused = KafkaPublisher::connect(KafkaOptions::new(url)).await;
        let error = refused.err().expect("it is refused");
        assert!(!error.to_string().contains("hidden"), "{error}");
    }
    let none: [&str; 0] = [];
    assert!(KafkaSource::connect(KafkaOptions::new("kafka://one"), none).await.is_err());
    assert!(KafkaSource::connect(KafkaOptions::new("kafka://one"), ["a b"]).await.is_err());
}
