//! NATS JetStream, of the system's version and the newest.

mod access;
mod conformance;
mod failover;
mod history;
mod outages;
mod publishing;
mod receiving;
mod refusals;
mod slow;
mod takeover;

use std::time::Duration;

use annals::outbox::nats::{NatsOptions, NatsPublisher, NatsSource, NatsStream};
use annals::outbox::{Address, Message, Part, Published, Publisher, Receiver, Source};
use annals_tests::brokers::{Nats, NatsKind};
use bytes::Bytes;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(60);

const WHOLE: Part = Part { index: 0, of: 1 };

/// Tells a story on both versions.
async fn on_both(story: impl AsyncFn(NatsKind)) {
    for newest in [false, true] {
        let kind = <NatsKind as annals_tests::brokers::Kind>::plain();
        println!("{}", if newest { "the newest version" } else { "the system's version" });
        story(if newest { kind.newest() } else { kind }).await;
    }
}

/// Options with the stream `SHOP` of the subjects `shop.…`.
fn options(url: impl Into<String>) -> NatsOptions {
    NatsOptions::new(url).declare(NatsStream::new("SHOP", ["shop.>"]))
}

/// A publisher to a new stream `SHOP`.
async fn publisher(server: &Nats) -> NatsPublisher {
    publisher_with(options(server.url())).await
}

async fn publisher_with(options: NatsOptions) -> NatsPublisher {
    let publisher = NatsPublisher::connect(options).await.expect("the options are right");
    publisher.prepare(&[Address::new("shop.orders")]).await.expect("the stream can be made");
    publisher
}

/// A source of some lanes of the stream.
async fn source(server: &Nats, lanes: &[&str]) -> NatsSource {
    source_with(options(server.url()), lanes).await
}

async fn source_with(options: NatsOptions, lanes: &[&str]) -> NatsSource {
    let lanes = lanes.iter().copied();
    NatsSource::connect(options, "SHOP", lanes).await.expect("the options are right")
}

/// The receiver of all lanes for a group.
async fn open(source: &NatsSource, group: &str) -> Box<dyn Receiver> {
    source.open(group, WHOLE).await.expect("the lanes can be taken")
}

fn message(id: impl Into<String>, key: &str, body: impl Into<Bytes>) -> Message {
    Message {
        id: id.into(),
        key: key.to_owned(),
        content_type: "application/json".to_owned(),
        attributes: Default::default(),
        headers: Default::default(),
        body: body.into(),
    }
}

/// Sends messages with these numbers as ids, one after the other.
async fn send(publisher: &NatsPublisher, subject: &str, numbers: impl IntoIterator<Item = u64>) {
    let to = Address::new(subject);
    for number in numbers {
        let sent = publisher.publish(&to, &message(number.to_string(), "k", "{}")).await;
        assert_eq!(sent.expect("the broker is there"), Published::Stored, "{number}");
    }
}

/// The numbers of the next messages, that many; the last one's number to acknowledge.
async fn numbers(receiver: &mut dyn Receiver, count: usize) -> (Vec<u64>, u64) {
    let (mut numbers, mut last) = (Vec::new(), 0);
    while numbers.len() < count {
        let received = timeout(PATIENCE, receiver.receive(count - numbers.len())).await;
        for received in received.expect("messages come").expect("the broker is there") {
            assert!(received.number > last, "numbers only grow");
            last = received.number;
            numbers.push(received.message.id.parse().expect("ids are numbers"));
        }
    }
    (numbers, last)
}

/// What JetStream answers to a question.
async fn ask(address: &str, subject: &str, body: &str) -> Value {
    let stream = TcpStream::connect(address).await.expect("it listens");
    let mut lines = BufReader::new(stream).lines();
    let question = format!(
        "CONNECT {{\"verbose\":false}}\r\nSUB answers 1\r\nPUB $JS.API.{subject} answers {}\r\n{body}\r\n",
        body.len()
    );
    lines.get_mut().write_all(question.as_bytes()).await.expect("it reads");
    // The server may say other things in between.
    while !lines.next_line().await.expect("it answers").is_some_and(|line| line.starts_with("MSG "))
    {
    }
    let answer = lines.next_line().await.expect("it answers").expect("it does not hang up");
    serde_json::from_str(&answer).expect("it is JSON")
}

/// The consumers of the stream.
async fn consumers(address: &str) -> Vec<String> {
    let names = ask(address, "CONSUMER.NAMES.SHOP", "").await;
    let names = names["consumers"].as_array().cloned().unwrap_or_default();
    names.iter().filter_map(|name| name.as_str().map(str::to_owned)).collect()
}

/// What its only consumer says.
async fn consumer(address: &str) -> Value {
    let names = consumers(address).await;
    assert_eq!(names.len(), 1, "{names:?}");
    ask(address, &format!("CONSUMER.INFO.SHOP.{}", names[0]), "").await
}
