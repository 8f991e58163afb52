//! Kafka: topics, partitions and groups on real servers.

mod claims;
mod conformance;
mod faults;
mod gaps;
mod growing;
mod guards;
mod outages;
mod publishing;
mod receiving;
mod refusals;
mod slow;

use std::collections::BTreeMap;
use std::future::Future;
use std::time::Duration;

use annals::outbox::kafka::{KafkaOptions, KafkaPublisher, KafkaSource};
use annals::outbox::{
    Address, Message, Part, PublishError, Published, Publisher, ReceiveError, Received, Receiver,
    Source,
};
use annals_tests::brokers::{Breakable, Kafka, KafkaKind, fresh_name};
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _};
use rdkafka::{Offset, TopicPartitionList};

/// How long what has to happen may take on a slow machine.
const PATIENCE: Duration = Duration::from_secs(120);

const WHOLE: Part = Part { index: 0, of: 1 };
const GROUP: &str = "billing";

/// What it gives, which has to come.
async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.expect("it ends within its limit")
}

/// The machine may be busy.
fn options(url: &str) -> KafkaOptions {
    KafkaOptions::new(url)
        .answer_within(Duration::from_secs(20))
        .publish_within(Duration::from_secs(30))
}

/// Where limits are waited for: they are over long before [`PATIENCE`] is, also on a machine that is busy.
fn hasty(url: &str) -> KafkaOptions {
    let options = KafkaOptions::new(url);
    options.answer_within(Duration::from_secs(4)).publish_within(Duration::from_secs(6))
}

async fn publisher(url: &str) -> KafkaPublisher {
    KafkaPublisher::connect(options(url)).await.expect("good options")
}

async fn source(url: &str, topics: &[&str]) -> KafkaSource {
    KafkaSource::connect(options(url), topics.iter().copied()).await.expect("good options")
}

/// The one receiver of a topic.
async fn receiver(url: &str, topic: &str) -> Box<dyn Receiver> {
    within(source(url, &[topic]).await.open(GROUP, WHOLE)).await.expect("the topic is there")
}

/// A small message: its body says which of its key it is.
fn message(key: &str, number: usize) -> Message {
    Message {
        id: format!("{key}-{number}"),
        key: key.to_owned(),
        content_type: "text/plain".to_owned(),
        attributes: BTreeMap::new(),
        headers: BTreeMap::new(),
        body: number.to_string().into_bytes().into(),
    }
}

fn messages(numbers: std::ops::RangeInclusive<usize>) -> Vec<Message> {
    numbers.map(|number| message("order-1", number)).collect()
}

/// Sends messages one after the other.
async fn send(publisher: &KafkaPublisher, topic: &str, messages: &[Message]) {
    let to = Address::new(topic);
    for message in messages {
        let sent = within(publisher.publish(&to, message)).await;
        assert_eq!(sent.expect("the server is there"), Published::Stored);
    }
}

fn only_messages(received: Vec<Received>) -> Vec<Message> {
    received.into_iter().map(|received| received.message).collect()
}

/// So many messages, which have to come, whatever goes wrong on the way; and the number of the last.
async fn take(receiver: &mut dyn Receiver, count: usize) -> (Vec<Message>, u64) {
    let (mut came, mut last) = (Vec::new(), 0);
    while came.len() < count {
        let received = within(receiver.receive(count - came.len())).await;
        let received = received.expect("the server is there");
        last = received.last().map_or(last, |received| received.number);
        came.extend(only_messages(received));
    }
    (came, last)
}

/// Nothing comes for a moment.
async fn nothing(receiver: &mut dyn Receiver) {
    let received = tokio::time::timeout(Duration::from_millis(800), receiver.receive(10)).await;
    assert!(received.is_err(), "{received:?}");
}

#[track_caller]
fn down(error: &PublishError) -> String {
    assert!(matches!(error, PublishError::Down { .. }), "{error:?}");
    error.to_string()
}

/// A client without us.
fn plain(url: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", url.trim_start_matches("kafka://"));
    config
}

fn admin(url: &str) -> AdminClient<DefaultClientContext> {
    plain(url).create().expect("a client")
}

/// Makes a topic with settings.
async fn make(url: &str, topic: &str, partitions: i32, settings: &[(&str, &str)]) {
    let mut new = NewTopic::new(topic, partitions, TopicReplication::Fixed(1));
    for (name, value) in settings {
        new = new.set(name, value);
    }
    let limits = AdminOptions::new().operation_timeout(Some(PATIENCE));
    let made = admin(url).create_topics([&new], &limits).await.expect("the server is there");
    made[0].as_ref().expect("the topic is made");
}

/// A topic with a name of its own on the server that stories share.
async fn topic(what: &str, partitions: i32) -> (String, String) {
    let (url, topic) = (Kafka::shared().await, fresh_name(what));
    make(&url, &topic, partitions, &[]).await;
    (url, topic)
}

/// What the server keeps of a group: the offset of a partition, and what stands beside it.
async fn committed(url: &str, topic: &str, partition: i32) -> (Option<i64>, String) {
    let (config, topic) = (plain(url).set("group.id", GROUP).clone(), topic.to_owned());
    let ask = move || {
        let consumer: BaseConsumer = config.create().expect("a client");
        let mut list = TopicPartitionList::new();
        list.add_partition(&topic, partition);
        // librdkafka may sleep through the moment when it learns whom to ask.
        let ask = || consumer.committed_offsets(list.clone(), PATIENCE / 12);
        let answer = (0..12).find_map(|_| ask().ok()).expect("the server is there");
        let found = answer.find_partition(&topic, partition).expect("it was asked for");
        let offset = match found.offset() {
            Offset::Offset(offset) => Some(offset),
            _ => None,
        };
        (offset, found.metadata().to_owned())
    };
    tokio::task::spawn_blocking(ask).await.expect("no panic")
}

/// Sets the offset of a partition, as `kafka-consumer-groups.sh --reset-offsets` does.
async fn reset(url: &str, topic: &str, partition: i32, offset: i64) {
    let (config, topic) = (plain(url).set("group.id", GROUP).clone(), topic.to_owned());
    let set = move || {
        let consumer: BaseConsumer = config.create().expect("a client");
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(&topic, partition, Offset::Offset(offset)).expect("an offset");
        consumer.commit(&list, CommitMode::Sync).expect("the server takes it");
    };
    tokio::task::spawn_blocking(set).await.expect("no panic");
}

/// Waits until the server keeps this offset for the group.
async fn wait_for_offset(url: &str, topic: &str, partition: i32, offset: i64) {
    within(async {
        while committed(url, topic, partition).await.0 != Some(offset) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
}
