//! Redis: streams, groups and channels on real servers.

mod answers_lost;
mod at_the_door;
mod conformance;
mod gaps;
mod outages;
mod publishing;
mod pubsub;
mod receiving;
mod replicas;
mod take_over;

use std::collections::BTreeMap;
use std::future::Future;
use std::time::Duration;

use annals::outbox::redis::{RedisOptions, RedisPublisher, RedisSource};
use annals::outbox::{
    Address, Message, Part, PublishError, Published, Publisher, ReceiveError, Received, Receiver,
    Source,
};
use annals_tests::brokers::{Redis, fresh_name};
use redis::Value;

/// How long what has to happen may take on a slow machine.
const PATIENCE: Duration = Duration::from_secs(30);

const WHOLE: Part = Part { index: 0, of: 1 };
const GROUP: &str = "billing";

/// What it gives, which has to come.
async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.expect("it ends within its limit")
}

/// What a server answers when it is asked directly.
async fn ask(url: &str, words: &[&str]) -> Value {
    let client = redis::Client::open(url).expect("the server's own URL");
    let config = redis::AsyncConnectionConfig::new()
        .set_connection_timeout(Some(PATIENCE))
        .set_response_timeout(Some(PATIENCE));
    let connected = client.get_multiplexed_async_connection_with_config(&config).await;
    let mut command = redis::cmd(words[0]);
    command.arg(&words[1..]);
    let answer = command.query_async(&mut connected.expect("the server is there")).await;
    answer.unwrap_or_else(|error| panic!("{words:?}: {error}"))
}

async fn length(url: &str, stream: &str) -> i64 {
    match ask(url, &["XLEN", stream]).await {
        Value::Int(length) => length,
        other => panic!("a length is a number: {other:?}"),
    }
}

async fn publisher(options: RedisOptions) -> RedisPublisher {
    RedisPublisher::connect(options).await.expect("good options")
}

async fn source(url: &str, streams: &[&str]) -> RedisSource {
    let options = RedisOptions::new(url).timeout(Duration::from_secs(2));
    RedisSource::connect(options, streams.iter().copied()).await.expect("good options")
}

/// The one receiver of a stream.
async fn receiver(url: &str, stream: &str) -> Box<dyn Receiver> {
    within(source(url, &[stream]).await.open(GROUP, WHOLE))
        .await
        .expect("the stream can be received")
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
async fn send(publisher: &RedisPublisher, stream: &str, messages: &[Message]) {
    let to = Address::new(stream);
    for message in messages {
        let sent = within(publisher.publish(&to, message)).await;
        assert_eq!(sent.expect("the server is there"), Published::Stored);
    }
}

fn only_messages(received: Vec<Received>) -> Vec<Message> {
    received.into_iter().map(|received| received.message).collect()
}

/// So many messages, which have to come.
async fn take(receiver: &mut dyn Receiver, count: usize) -> Vec<Message> {
    let mut came = Vec::new();
    while came.len() < count {
        let received = within(receiver.receive(count - came.len())).await;
        came.extend(only_messages(received.expect("the server is there")));
    }
    came
}

/// Nothing comes for a moment.
async fn nothing(receiver: &mut dyn Receiver) {
    let received = tokio::time::timeout(Duration::from_millis(500), receiver.receive(10)).await;
    assert!(received.is_err(), "{received:?}");
}

#[track_caller]
fn down(error: &PublishError) -> String {
    assert!(matches!(error, PublishError::Down { .. }), "{error:?}");
    error.to_string()
}

#[track_caller]
fn receiver_down<T: std::fmt::Debug>(answer: Result<T, ReceiveError>) -> String {
    match answer {
        Err(ReceiveError::Down { source }) => source.to_string(),
        other => panic!("an outage is told as one: {other:?}"),
    }
}
