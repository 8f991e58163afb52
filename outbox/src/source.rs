//! What a broker is to a consumer.

use annals_consumers::ConsumeError;
use annals_core::store::BoxError;
use async_trait::async_trait;

use crate::message::Message;

/// Messages of a broker, in **lanes**: subjects, queues, streams or the partitions of a topic, each of which
/// keeps its messages in order. All messages of a key are in one lane.
///
/// The engine decides who receives what: it cuts a consumer into parts, of which each is worked on by one
/// process at a time. Part `index` of `of` receives the lanes whose number divided by `of` leaves `index`. How
/// far a group has got is kept by the broker.
#[async_trait]
pub trait Source: Send + Sync + 'static {
    /// The broker as people know it, such as `nats://10.0.0.7:4222`: without passwords.
    fn broker(&self) -> &str;

    /// What messages are received from: the names of subjects, queues, streams or topics.
    fn origin(&self) -> &str;

    /// Whether it is certain that a lane comes in order, each message before those that came later, whatever
    /// ends or is taken over. Then the inbox needs to remember the last message of a stream only; else it
    /// remembers each by its id, because an earlier one would be taken for a repetition.
    fn ordered(&self) -> bool {
        true
    }

    /// Begins to receive a part of a group. Whoever received it before counts as gone: what it has not
    /// acknowledged comes again, in order and before what follows it. Should it come back, its
    /// acknowledgements move nothing, and what it receives is taken from nobody.
    ///
    /// # Errors
    /// [`ReceiveError`]
    async fn open(&self, group: &str, part: Part) -> Result<Box<dyn Receiver>, ReceiveError>;
}

/// A part of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Part {
    /// Which one, from 0.
    pub index: u32,
    /// How many there are.
    pub of: u32,
}

impl Part {
    /// Whether a lane belongs to it.
    pub fn has(self, lane: u32) -> bool {
        lane % self.of.max(1) == self.index
    }
}

/// Receives one part of a group. When it is dropped, it gives back what it has not acknowledged.
#[async_trait]
pub trait Receiver: Send {
    /// The next messages, each lane in order: as many as are there, at the most `limit`, and at least one;
    /// waits for it. Cancel safe: what a call has received that was dropped comes with the next.
    ///
    /// It holds no more than `limit` messages and 32 MB that were not handed out.
    ///
    /// # Errors
    /// [`ReceiveError`]. After [`ReceiveError::Down`] it can be called again, and builds anew whatever it
    /// has lost: what was not acknowledged then comes again.
    async fn receive(&mut self, limit: usize) -> Result<Vec<Received>, ReceiveError>;

    /// All messages up to this number have had their effect, and need not come again. Numbers only grow. It
    /// may be sent later, with others, but within a second.
    ///
    /// # Errors
    /// [`ReceiveError`]; the messages may come again.
    async fn acknowledge(&mut self, number: u64) -> Result<(), ReceiveError>;
}

/// One message that has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// Its number: 1, 2, 3, … in the order in which this receiver has handed them out. A message that comes
    /// again gets a new one.
    pub number: u64,
    /// The message. [`Message::id`] is empty where the broker carries none.
    pub message: Message,
}

/// Why no message comes.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReceiveError {
    /// The broker is not reachable, or has closed the connection: try again.
    #[error("{source}")]
    Down {
        /// What it said.
        source: BoxError,
    },
    /// What messages should come from is not there, or may not be read.
    #[error("{why}")]
    Missing {
        /// What is missing, and how it can be made.
        why: String,
    },
    /// The broker has thrown away messages that this group has not had. Said once; the next call goes on
    /// behind the gap.
    #[error("{why}")]
    Gap {
        /// Which, as far as the broker knows, and what can be done.
        why: String,
    },
}

impl ReceiveError {
    /// The broker is not there.
    pub fn down(source: impl Into<BoxError>) -> Self {
        Self::Down { source: source.into() }
    }

    /// What is done about it.
    pub(crate) fn consequence(self, broker: &str, origin: &str) -> ConsumeError {
        match self {
            Self::Down { source } => ConsumeError::blocked(broker, source),
            Self::Missing { why } | Self::Gap { why } => {
                ConsumeError::blocked(format!("`{origin}` on {broker}"), why)
            }
        }
    }
}
