//! Why a request has no answer.

use std::time::Duration;

use annals_core::ErrorKind;
use annals_resilience::ResilienceError;
use uuid::Uuid;

use crate::address::Address;
use crate::publisher::PublishError;

/// Why a request has no answer. The message names the request's id where asking again needs it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AskError {
    /// The request cannot be written as JSON. Nothing was sent.
    #[error("the request for `{to}` cannot be written as JSON: {source}")]
    Unwritable {
        /// Where it should have gone.
        to: Address,
        /// Why not.
        source: serde_json::Error,
    },
    /// So many requests wait for their replies already. Nothing was sent.
    #[error(
        "{most} requests wait for replies, which are all that `{requester}` allows; nothing was sent to `{to}`. \
         Ask again later, or allow more (`most_waiting`)"
    )]
    TooMany {
        /// Where it should have gone.
        to: Address,
        /// Who asks.
        requester: String,
        /// How many may wait.
        most: usize,
    },
    /// Replies have nowhere to go. Nothing was sent.
    #[error(
        "nothing was sent to `{to}`, because its reply could not be received: {why}. Ask again once that is there"
    )]
    NoReplies {
        /// Where it should have gone.
        to: Address,
        /// What is wrong with the lane of the replies.
        why: String,
    },
    /// The broker does not have the request: it is down, the breaker refuses, or it does not take the
    /// message. Nothing was asked.
    #[error("the request {id} was not sent to `{to}` on {broker}: {source}")]
    Unsent {
        /// The request's id.
        id: Uuid,
        /// Where it should have gone.
        to: Address,
        /// The broker.
        broker: String,
        /// What it said, or which step of the policy refused.
        source: Box<ResilienceError<PublishError>>,
    },
    /// No reply came in time. Unless it was not sent, the request may be executed, before or after this.
    #[error("{}", deadline(self))]
    Deadline {
        /// The request's id.
        id: Uuid,
        /// Where it was to go.
        to: Address,
        /// The deadline.
        within: Duration,
        /// Whether it was sent.
        sent: Sent,
        /// Why replies were not received meanwhile, if something is known.
        trouble: Option<String>,
    },
    /// The other side will not answer this request, however often it is asked.
    #[error("the request {id} to `{to}` was refused: {why}")]
    Refused {
        /// The request's id.
        id: Uuid,
        /// Where it went.
        to: Address,
        /// What the other side said.
        why: String,
    },
    /// The other side has answered, with something else than was expected.
    #[error(
        "the request {id} to `{to}` was answered, but its reply cannot be read: {source}. Compare the types of \
         both sides; asking again with the id brings the same answer"
    )]
    Unreadable {
        /// The request's id.
        id: Uuid,
        /// Where it went.
        to: Address,
        /// Why not.
        source: serde_json::Error,
    },
}

/// Whether a request was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sent {
    /// No: nothing was asked.
    No,
    /// Nobody knows: the broker has not said.
    Maybe,
    /// Yes: the broker has it.
    Yes,
}

impl AskError {
    /// What kind of error it is.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Unwritable { .. } => ErrorKind::Invalid,
            Self::TooMany { .. } | Self::NoReplies { .. } => ErrorKind::Transient,
            Self::Unsent { source, .. } => match source.inner() {
                Some(PublishError::Missing { .. }) => ErrorKind::Fault,
                Some(PublishError::Refused { .. }) => ErrorKind::Invalid,
                _ => ErrorKind::Transient,
            },
            Self::Deadline { sent: Sent::No, .. } => ErrorKind::Transient,
            Self::Deadline { .. } => ErrorKind::OutcomeUnknown,
            Self::Refused { .. } => ErrorKind::Refused,
            Self::Unreadable { .. } => ErrorKind::Fault,
        }
    }

    /// As metrics name it.
    pub(super) fn outcome(&self) -> &'static str {
        match self {
            Self::Unwritable { .. } => "unwritable",
            Self::TooMany { .. } => "too_many",
            Self::NoReplies { .. } => "no_replies",
            Self::Unsent { .. } => "unsent",
            Self::Deadline { .. } => "deadline",
            Self::Refused { .. } => "refused",
            Self::Unreadable { .. } => "unreadable",
        }
    }
}

fn deadline(error: &AskError) -> String {
    let AskError::Deadline { id, to, within, sent, trouble } = error else {
        return String::new();
    };
    let what = match sent {
        Sent::No => "it was not sent. Ask again",
        Sent::Maybe => {
            "the broker has not said whether it has it, so it may be executed. Ask again with the same id, \
             which has its effect once"
        }
        Sent::Yes => {
            "it was sent, and may be executed. Ask again with the same id, which has its effect once; see \
             whether somebody answers there, or give it longer"
        }
    };
    let trouble = trouble.as_ref().map(|why| format!(" (replies: {why})")).unwrap_or_default();
    format!("no reply to the request {id} to `{to}` within {within:?}{trouble}: {what}")
}
