//! What a broker is to a relay.

use annals_consumers::ConsumeError;
use annals_core::store::BoxError;
use async_trait::async_trait;

use crate::address::Address;
use crate::message::Message;

/// Sends messages to a broker, and knows when it has them.
///
/// One value is used by many at once. Whoever wants two messages in order waits for the first before
/// sending the second. Dropping a call gives it up: the message may be there or not.
#[async_trait]
pub trait Publisher: Send + Sync + 'static {
    /// The broker as people know it, such as `nats://10.0.0.7:4222`: without passwords.
    fn broker(&self) -> &str;

    /// Proves at the start that messages can go to these places, or makes them where the options say so.
    ///
    /// # Errors
    /// [`PublishError::Missing`] for the first place that is not there; [`PublishError::Down`] when that
    /// cannot be known now, which keeps nobody from starting.
    async fn prepare(&self, places: &[Address]) -> Result<(), PublishError>;

    /// Sends a message, and returns when the broker has said that it is stored as safely as it stores
    /// messages. Takes no longer than a time limit of its own.
    ///
    /// # Errors
    /// [`PublishError`]
    async fn publish(&self, to: &Address, message: &Message) -> Result<Published, PublishError>;
}

/// What a broker said about a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Published {
    /// It has stored the message.
    Stored,
    /// It knew the message's id, and has not stored it again.
    Repeated,
}

/// Why a message is not known to be stored.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PublishError {
    /// The broker is not reachable, has no leader, or refuses everybody: all messages wait.
    #[error("{source}")]
    Down {
        /// What it said.
        source: BoxError,
    },
    /// The place is not there, may not be written to, or leads nowhere: all messages to it wait until
    /// somebody makes it.
    #[error("{why}")]
    Missing {
        /// What is missing, and how it can be made.
        why: String,
    },
    /// Nobody knows whether it is stored: it is sent again before what follows it.
    #[error("{source}")]
    InDoubt {
        /// What happened.
        source: BoxError,
    },
    /// The broker will never take this message, because of its size, its headers or its id.
    #[error("{why}")]
    Refused {
        /// Why not, and what can be done.
        why: String,
    },
}

impl PublishError {
    /// The broker is not there.
    pub fn down(source: impl Into<BoxError>) -> Self {
        Self::Down { source: source.into() }
    }

    /// Nobody knows whether the message is stored.
    pub fn in_doubt(source: impl Into<BoxError>) -> Self {
        Self::InDoubt { source: source.into() }
    }

    /// What is done about it: only what is the message's own fault counts against it.
    pub(crate) fn consequence(self, broker: &str, to: &Address) -> ConsumeError {
        match self {
            Self::Down { source } => ConsumeError::blocked(broker, source),
            Self::InDoubt { source } => {
                let source = format!("no word about a message to `{to}`: {source}");
                ConsumeError::blocked(broker, source)
            }
            Self::Missing { why } => ConsumeError::blocked(format!("`{to}` on {broker}"), why),
            Self::Refused { why } => ConsumeError::poison(format!(
                "{broker} does not take the message for `{to}`: {why}"
            )),
        }
    }
}
