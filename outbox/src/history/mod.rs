//! What others have told before a consumer began to listen.

mod beginning;
mod progress;
mod public_log;

pub(crate) use beginning::Beginning;
pub(crate) use progress::Progress;
pub use public_log::PublicLog;

use annals_consumers::ConsumeError;
use annals_core::Position;
use annals_core::store::BoxError;
use async_trait::async_trait;

use crate::message::Message;

/// All that a service has ever told, to be read from the beginning by a consumer that is new:
/// see [`Inbound::history`](crate::Inbound::history).
///
/// # Contract
/// - It tells the same messages as the broker does, each stream in order, so that what comes from both is known
///   to be the same: by its source, route, subject and stream version, or else by its id.
/// - A message that the broker gets after a page [at the end](HistoryPage::at_end) was asked for may be missing
///   from it; one that it got before is there.
/// - Messages of one position come in one page.
#[async_trait]
pub trait History: Send + Sync + 'static {
    /// Whose history it is, for people: without passwords.
    fn origin(&self) -> &str;

    /// What follows a position, [`Position::START`] for the beginning: at the most what `limit` events of the
    /// owner's log have become, and no more than fits into memory well. Takes no longer than a time limit of
    /// its own.
    ///
    /// # Errors
    /// [`HistoryError`]; the same can be asked again.
    async fn page(&self, after: Position, limit: usize) -> Result<HistoryPage, HistoryError>;
}

/// A piece of a history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryPage {
    /// The messages with their positions in the owner's log, which never fall. An event that became several has
    /// them all under its position.
    pub messages: Vec<(Position, Message)>,
    /// How far the owner's log was looked at: the next page follows this.
    pub next: Position,
    /// Whether the log ended there.
    pub at_end: bool,
}

/// Why a piece of a history does not come.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HistoryError {
    /// Whoever has it is not there, or cannot look now: try again.
    #[error("{source}")]
    Down {
        /// What happened.
        source: BoxError,
    },
    /// The log ends before: it is another than the one that was read, or lost its end.
    #[error(
        "the log ends at position {head}, and what follows {after} was asked for: it was restored from a backup, \
         or it is another; raise the `VERSION` of the consumer, to begin anew"
    )]
    Beyond {
        /// What was asked for.
        after: Position,
        /// Where the log ends.
        head: Position,
    },
    /// It is not given, until somebody does something about it.
    #[error("{why}")]
    Refused {
        /// Why not, and what can be done.
        why: String,
    },
}

impl HistoryError {
    /// Whoever has it is not there.
    pub fn down(source: impl Into<BoxError>) -> Self {
        Self::Down { source: source.into() }
    }

    /// What is done about it: no message is to blame, so all wait.
    pub(crate) fn consequence(self, origin: &str) -> ConsumeError {
        ConsumeError::blocked(format!("the history of {origin}"), self)
    }
}
