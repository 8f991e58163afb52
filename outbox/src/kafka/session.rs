//! A client that receives, from its beginning to its end.

use std::pin::pin;
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::task::{Context, Poll, Waker};

use rdkafka::consumer::StreamConsumer;
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode as Code};
use rdkafka::message::{BorrowedMessage, Message as _};
use tokio::sync::mpsc;

use super::heard::Heard;
use super::keeper::Order;
use super::lanes::Lane;
use super::reading::Reading;
use super::record::message_of;
use crate::message::Message;
use crate::source::ReceiveError;

pub(super) type Consumer = StreamConsumer<Heard>;

/// How much a call hands out at the most, in bytes, and one message more.
const MOST_BYTES: usize = 16 * 1_048_576;

/// Why a session has ended, or none could begin.
#[derive(Debug)]
pub(super) enum Trouble {
    /// As it is told.
    Told(ReceiveError),
    /// Messages that should be there are not: a new session finds out which.
    OutOfRange,
    /// Somebody else has a lane, for good.
    TakenOver(String),
}

impl Trouble {
    pub(super) fn down(why: impl Into<String>) -> Self {
        Self::Told(ReceiveError::down(why.into()))
    }
}

/// A client that has its lanes. Dropping it commits what was acknowledged.
pub(super) struct Session {
    /// There until it is dropped.
    consumer: Option<Arc<Consumer>>,
    reading: Reading,
    orders: Sender<Order>,
    troubles: mpsc::UnboundedReceiver<Trouble>,
    /// What has come behind messages.
    postponed: Option<Trouble>,
    /// What is missing, not told yet.
    pub(super) gap: Option<String>,
}

/// A message with its lane and its offset.
pub(super) type Record = (Lane, i64, Message);

impl Session {
    pub(super) fn new(
        consumer: Arc<Consumer>,
        reading: Reading,
        orders: Sender<Order>,
        troubles: mpsc::UnboundedReceiver<Trouble>,
        gap: Option<String>,
    ) -> Self {
        Self { consumer: Some(consumer), reading, orders, troubles, postponed: None, gap }
    }

    /// Waits for messages: at least one. Cancel safe: what has come is handed out by the same poll.
    pub(super) async fn next(&mut self, limit: usize) -> Result<Vec<Record>, Trouble> {
        if let Some(trouble) = self.postponed.take() {
            return Err(trouble);
        }
        let consumer = self.consumer.clone().expect("it is there until it is dropped");
        let first = loop {
            let came = tokio::select! {
                biased;
                trouble = self.troubles.recv() => {
                    let ended = || Trouble::down("the thread that keeps the connection has ended");
                    return Err(trouble.unwrap_or_else(ended));
                }
                came = consumer.recv() => came,
            };
            if let Some(record) = self.sort(came)? {
                break record;
            }
        };
        let mut bytes = first.2.bytes();
        let mut records = vec![first];
        while records.len() < limit && bytes < MOST_BYTES {
            let Some(came) = at_once(&consumer) else { break };
            match self.sort(came) {
                Ok(Some(record)) => {
                    bytes += record.2.bytes();
                    records.push(record);
                }
                Ok(None) => {}
                Err(trouble) => {
                    self.postponed = Some(trouble);
                    break;
                }
            }
        }
        Ok(records)
    }

    /// Commits what was acknowledged, soon.
    pub(super) fn commit(&self) {
        // Should the thread have ended, the next call says so.
        let _ = self.orders.send(Order::Commit);
    }

    fn sort(&self, came: KafkaResult<BorrowedMessage<'_>>) -> Result<Option<Record>, Trouble> {
        match came {
            Ok(record) => {
                let topic = self.reading.topics.iter().position(|topic| topic == record.topic());
                let topic = topic.expect("only partitions of these topics are assigned");
                let lane = Lane { topic, partition: record.partition() };
                Ok(Some((lane, record.offset(), message_of(&record))))
            }
            Err(error) => self.judge(&error).map(|()| None),
        }
    }

    /// What is done about an error that came in place of a message: mostly nothing, as the client connects
    /// again by itself; but whether it can is looked at.
    fn judge(&self, error: &KafkaError) -> Result<(), Trouble> {
        let origin = self.reading.topics.join(", ");
        match (error, error.rdkafka_error_code()) {
            (KafkaError::MessageConsumptionFatal(_), _) | (_, None) => {
                Err(Trouble::down(error.to_string()))
            }
            (_, Some(Code::AutoOffsetReset | Code::OffsetOutOfRange)) => Err(Trouble::OutOfRange),
            (_, Some(Code::TopicAuthorizationFailed)) => {
                let why = self.reading.options.forbidden(&origin, "Read");
                Err(Trouble::Told(ReceiveError::Missing { why }))
            }
            (_, Some(Code::NotImplemented | Code::UnsupportedCompressionType)) => {
                let why = format!(
                    "messages of `{origin}` are compressed in a way that this build cannot read: build it \
                     with the feature `zstd` of the crate `rdkafka`, or let `compression.type` of the topic be \
                     `lz4`"
                );
                Err(Trouble::Told(ReceiveError::Missing { why }))
            }
            // It has connections to several servers, and they come and go.
            (
                _,
                Some(
                    Code::AllBrokersDown
                    | Code::BrokerTransportFailure
                    | Code::Resolve
                    | Code::Authentication
                    | Code::SSL
                    | Code::OperationTimedOut
                    | Code::RequestTimedOut
                    | Code::NotCoordinator
                    | Code::CoordinatorNotAvailable
                    | Code::CoordinatorLoadInProgress
                    | Code::LeaderNotAvailable
                    | Code::NotLeaderForPartition,
                ),
            ) => {
                // As above.
                let _ = self.orders.send(Order::Probe);
                Ok(())
            }
            (_, Some(_)) => Err(Trouble::down(error.to_string())),
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let Some(consumer) = self.consumer.take() else { return };
        self.reading.going.send_modify(|going| *going += 1);
        // The thread commits, and waits until the client has ended.
        if self.orders.send(Order::End(consumer)).is_err() {
            self.reading.going.send_modify(|going| *going -= 1);
        }
    }
}

/// What has come already.
pub(super) fn at_once(consumer: &Consumer) -> Option<KafkaResult<BorrowedMessage<'_>>> {
    let mut context = Context::from_waker(Waker::noop());
    match pin!(consumer.recv()).poll(&mut context) {
        Poll::Ready(came) => Some(came),
        Poll::Pending => None,
    }
}
