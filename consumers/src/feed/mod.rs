//! Where the events of one partition come from: the log, or messages from elsewhere.

mod log;
mod messages;

pub(crate) use log::LogFeed;
pub(crate) use messages::MessageFeed;

use annals_core::Position;
use annals_core::store::LogPage;

use crate::error::ConsumeError;

pub(crate) enum Feed {
    Log(LogFeed),
    Messages(MessageFeed),
}

impl Feed {
    /// Goes on from another position.
    pub(crate) fn seek(&mut self, after: Position) {
        match self {
            Self::Log(feed) => feed.seek(after),
            Self::Messages(feed) => feed.seek(after),
        }
    }

    /// Begins at a position as if nothing had been read: the end is said again.
    pub(crate) fn restart(&mut self, after: Position) {
        match self {
            Self::Log(feed) => feed.restart(after),
            Self::Messages(feed) => feed.restart(after),
        }
    }

    /// The next page; one without events that ends at the head says that the end has been reached.
    /// Cancel safe.
    ///
    /// # Errors
    /// [`ConsumeError`]; calling again goes on from the same position.
    pub(crate) async fn next(&mut self) -> Result<LogPage, ConsumeError> {
        match self {
            Self::Log(feed) => Ok(feed.next().await?),
            Self::Messages(feed) => feed.next().await,
        }
    }

    /// A page between two positions, once more.
    pub(crate) async fn portion(
        &self,
        after: Position,
        up_to: Position,
        limit: usize,
    ) -> Result<LogPage, ConsumeError> {
        match self {
            Self::Log(feed) => Ok(feed.portion(after, up_to, limit).await?),
            Self::Messages(feed) => Ok(feed.portion(after, up_to, limit)),
        }
    }

    /// What comes up to here need not come again: it has had its effect.
    pub(crate) fn done(&mut self, up_to: Position) {
        if let Self::Messages(feed) = self {
            feed.done(up_to);
        }
    }

    /// Whether what it hands out can be read again from the log.
    pub(crate) fn is_log(&self) -> bool {
        matches!(self, Self::Log(_))
    }
}
