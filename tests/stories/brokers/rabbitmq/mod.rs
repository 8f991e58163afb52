//! RabbitMQ, with classic and quorum queues.

mod access;
mod bindings;
mod conformance;
mod order;
mod outages;
mod publishing;
mod receiving;
mod refusals;
mod slow;
mod takeover;

use std::time::{Duration, Instant};

use annals::outbox::rabbitmq::{
    QueueType, RabbitMqOptions, RabbitMqPublisher, RabbitMqSource, Topology,
};
use annals::outbox::{
    Address, Message, Part, PublishError, Published, Publisher, Receiver, Source,
};
use annals_tests::brokers::{Kind, RabbitMq, RabbitMqKind};
use annals_tests::servers::Proxy;
use bytes::Bytes;
use lapin::options::{ExchangeDeleteOptions, QueueDeleteOptions};
use lapin::{Channel, Connection, ConnectionProperties};
use tokio::sync::OnceCell;
use tokio::time::{sleep, timeout};

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long nothing is waited for where nothing comes.
const SILENCE: Duration = Duration::from_millis(500);

/// Between two looks at what gives no signal.
const PAUSE: Duration = Duration::from_millis(20);

const WHOLE: Part = Part { index: 0, of: 1 };

const BOTH: [QueueType; 2] = [QueueType::Classic, QueueType::Quorum];

/// Options with short limits, and one queue.
fn options(url: impl Into<String>, queue: &str, queue_type: QueueType) -> RabbitMqOptions {
    plain(url).topology(Topology::declared().queue(queue, queue_type))
}

/// Options with short limits.
fn plain(url: impl Into<String>) -> RabbitMqOptions {
    RabbitMqOptions::new(url)
        .connect_within(Duration::from_secs(5))
        .publish_within(Duration::from_secs(5))
        .heartbeat(Duration::from_secs(2))
}

async fn publisher(options: &RabbitMqOptions) -> RabbitMqPublisher {
    RabbitMqPublisher::connect(options.clone()).await.expect("the options are right")
}

async fn source(options: &RabbitMqOptions, queues: &[&str]) -> RabbitMqSource {
    let queues = queues.iter().copied();
    RabbitMqSource::connect(options.clone(), queues).await.expect("the options are right")
}

/// The receiver of all queues of a source.
async fn open(source: &RabbitMqSource) -> Box<dyn Receiver> {
    source.open("billing", WHOLE).await.expect("the queues can be taken")
}

fn to(queue: &str) -> Address {
    Address::new("").routing_key(queue)
}

fn message(number: u64, body: impl Into<Bytes>) -> Message {
    Message {
        id: number.to_string(),
        key: "k".to_owned(),
        content_type: "application/json".to_owned(),
        attributes: Default::default(),
        headers: Default::default(),
        body: body.into(),
    }
}

/// Where the server of a URL is.
fn address(url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split('/').next().unwrap_or_default();
    authority.rsplit('@').next().unwrap_or_default().to_owned()
}

/// The URL of the server behind a proxy.
fn through(proxy: &Proxy) -> String {
    format!("amqp://{}/%2f", proxy.address())
}

/// Sends messages with these numbers as ids, one after the other.
async fn send(publisher: &RabbitMqPublisher, queue: &str, numbers: impl IntoIterator<Item = u64>) {
    for number in numbers {
        let sent = publisher.publish(&to(queue), &message(number, "{}")).await;
        assert_eq!(sent.expect("the broker is there"), Published::Stored, "{number}");
    }
}

/// Sends a message until the broker has it, as a relay does in an outage.
async fn send_at_last(publisher: &RabbitMqPublisher, queue: &str, number: u64) {
    let began = Instant::now();
    loop {
        match publisher.publish(&to(queue), &message(number, "{}")).await {
            Ok(_) => return,
            Err(PublishError::Down { .. } | PublishError::InDoubt { .. })
                if began.elapsed() < PATIENCE => {}
            Err(error) => panic!("it works again: {error:?}"),
        }
    }
}

/// Makes a queue that is still there when the server is killed.
async fn make(server: &RabbitMq, options: &RabbitMqOptions, queue: &str, queue_type: QueueType) {
    let maker = publisher(options).await;
    maker.prepare(&[to(queue)]).await.expect("it can be made");
    if queue_type == QueueType::Quorum {
        server.has_written_down(queue).await;
    }
}

/// The receiver of all queues of a source, as soon as the broker is there again.
async fn open_at_last(source: &RabbitMqSource) -> Box<dyn Receiver> {
    let began = Instant::now();
    loop {
        match source.open("billing", WHOLE).await {
            Ok(receiver) => return receiver,
            // Each receiver is a new one, and makes no pauses before its first attempt.
            Err(error) if is_down(&error) && began.elapsed() < PATIENCE => sleep(PAUSE).await,
            Err(error) => panic!("it works again: {error:?}"),
        }
    }
}

/// The ids of the next messages, that many; the last one's number to acknowledge.
async fn ids(receiver: &mut dyn Receiver, count: usize) -> (Vec<u64>, u64) {
    let (mut ids, mut last) = (Vec::new(), 0);
    while ids.len() < count {
        let received = timeout(PATIENCE, receiver.receive(count - ids.len())).await;
        for received in received.expect("messages come").expect("the broker is there") {
            assert!(last == 0 || received.number == last + 1, "they are counted");
            last = received.number;
            ids.push(received.message.id.parse().expect("ids are numbers"));
        }
    }
    (ids, last)
}

/// Receives, over an outage, until this message comes: what came after the last time of being down.
async fn ids_until(receiver: &mut dyn Receiver, end: u64) -> (Vec<u64>, u64) {
    let (mut ids, mut last) = (Vec::new(), 0);
    let receiving = async {
        while ids.last() != Some(&end) {
            match receiver.receive(1).await {
                Ok(received) => {
                    for received in received {
                        last = received.number;
                        ids.push(received.message.id.parse().expect("ids are numbers"));
                    }
                }
                Err(error) => {
                    assert!(is_down(&error), "an outage is told as one: {error:?}");
                    ids.clear();
                }
            }
        }
    };
    timeout(PATIENCE, receiving).await.expect("it works again");
    (ids, last)
}

fn is_down(error: &annals::outbox::ReceiveError) -> bool {
    matches!(error, annals::outbox::ReceiveError::Down { .. })
}

/// Nothing comes.
async fn nothing(receiver: &mut dyn Receiver) {
    if let Ok(came) = timeout(SILENCE, receiver.receive(10)).await {
        panic!("nothing comes: {came:?}");
    }
}

/// What it says when it is down.
async fn why_down(receiver: &mut dyn Receiver) -> String {
    let received = timeout(PATIENCE, receiver.receive(10)).await.expect("it is told");
    let error = received.expect_err("nothing comes");
    assert!(is_down(&error), "{error:?}");
    error.to_string()
}

/// The client itself.
async fn client(url: &str) -> (Connection, Channel) {
    let connection = Connection::connect(url, ConnectionProperties::default()).await;
    let connection = connection.expect("the broker is there");
    let channel = connection.create_channel().await.expect("the broker is there");
    (connection, channel)
}

async fn delete_queue(url: &str, queue: &str) {
    let (_connection, channel) = client(url).await;
    let deleted = channel.queue_delete(queue.into(), QueueDeleteOptions::default()).await;
    deleted.expect("the queue is there");
}

/// A server for stories that need another than the one that all share: it lets in `ann`, whose password is
/// `right`, takes bodies of 1,000,000 bytes at the most, and ends the channel of whoever holds a message for
/// more than 2 seconds, give or take one.
async fn strict() -> &'static RabbitMq {
    static STRICT: OnceCell<RabbitMq> = OnceCell::const_new();
    let kind = RabbitMqKind::plain()
        .with_user("ann", "right")
        .with_settings("max_message_size = 1000000")
        .with_advanced("{consumer_timeout, 2000}, {channel_tick_interval, 1000}");
    STRICT.get_or_init(|| RabbitMq::start_as(kind)).await
}

/// Removes queues and exchanges, in a runtime of its own.
fn remove(url: &str, queues: Vec<String>, exchanges: Vec<String>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let removing = async {
        let (_connection, channel) = client(url).await;
        for queue in &queues {
            let all = QueueDeleteOptions::default();
            channel.queue_delete(queue.as_str().into(), all).await.expect("it can be removed");
        }
        for exchange in &exchanges {
            let all = ExchangeDeleteOptions::default();
            let removed = channel.exchange_delete(exchange.as_str().into(), all).await;
            removed.expect("it can be removed");
        }
    };
    let runtime = runtime.expect("a runtime can be started");
    let _ = runtime.block_on(async { timeout(PATIENCE, removing).await });
}
