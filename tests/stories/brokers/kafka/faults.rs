//! Errors that no well server gives: injected by librdkafka's own server, and nothing else is claimed of it.

use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;
use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};

use super::*;

type Faulty = MockCluster<'static, DefaultProducerContext>;

fn faulty(topic: &str) -> (Faulty, String) {
    let server = MockCluster::new(1).expect("a server");
    server.create_topic(topic, 1, 1).expect("a topic");
    let url = format!("kafka://{}", server.bootstrap_servers());
    (server, url)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_producer_that_cannot_go_on_is_made_anew() {
    let (server, url) = faulty("orders");
    let publisher = publisher(&url).await;
    send(&publisher, "orders", &messages(1..=2)).await;
    // The server has lost count of what this producer has sent.
    let lost = [RDKafkaRespErr::RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER];
    server.request_errors(RDKafkaApiKey::Produce, &lost);
    let to = Address::new("orders");
    let error = within(publisher.publish(&to, &message("order-1", 3))).await;
    let error = error.expect_err("nobody knows");
    assert!(matches!(error, PublishError::InDoubt { .. }), "{error:?}");
    println!("{error}");
    send(&publisher, "orders", &messages(3..=5)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_passes_is_waited_for() {
    let (server, url) = faulty("orders");
    let publisher = publisher(&url).await;
    let passing = [
        RDKafkaRespErr::RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS,
        RDKafkaRespErr::RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
        RDKafkaRespErr::RD_KAFKA_RESP_ERR__TRANSPORT,
    ];
    server.request_errors(RDKafkaApiKey::Produce, &passing);
    send(&publisher, "orders", &messages(1..=5)).await;
    let finding = [
        RDKafkaRespErr::RD_KAFKA_RESP_ERR_NOT_COORDINATOR,
        RDKafkaRespErr::RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS,
    ];
    server.request_errors(RDKafkaApiKey::OffsetFetch, &finding);
    server.request_errors(RDKafkaApiKey::OffsetCommit, &finding);
    let mut receiver = receiver(&url, "orders").await;
    let (came, last) = take(&mut *receiver, 5).await;
    assert_eq!(came, messages(1..=5));
    server.request_errors(RDKafkaApiKey::OffsetCommit, &finding);
    receiver.acknowledge(last).await.expect("it is sent later");
    wait_for_offset(&url, "orders", 0, 5).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_may_not_is_told() {
    let (server, url) = faulty("orders");
    let publisher = publisher(&url).await;
    let forbidden = [RDKafkaRespErr::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED];
    server.request_errors(RDKafkaApiKey::Produce, &forbidden);
    let sent = within(publisher.publish(&Address::new("orders"), &message("order-1", 1))).await;
    let error = sent.expect_err("it is not allowed");
    assert!(
        matches!(&error, PublishError::Missing { why } if why.contains("kafka-acls.sh")),
        "{error:?}"
    );
    send(&publisher, "orders", &messages(1..=2)).await;

    let forbidden = [RDKafkaRespErr::RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED];
    server.request_errors(RDKafkaApiKey::OffsetFetch, &forbidden);
    let opened = within(source(&url, &["orders"]).await.open(GROUP, WHOLE)).await;
    let error = opened.err().expect("it is not allowed");
    assert!(
        matches!(&error, ReceiveError::Missing { why } if why.contains("--operation Read --group billing")),
        "{error:?}"
    );
    assert_eq!(take(&mut *receiver(&url, "orders").await, 2).await.0, messages(1..=2));
}
