//! What a consumer says of a failure, and thereby what is done about it.

use annals_core::ErrorKind;
use annals_core::store::{SharedError, StoreError};

/// Why a consumer could not deal with what it was given.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum ConsumeError {
    /// It may go better the next time. It is tried again where it is for a moment, and then parked.
    #[error("{0}")]
    Retry(SharedError),
    /// It will never go, however often it is tried: parked at once, until a person acts.
    #[error("{0}")]
    Poison(SharedError),
    /// Nobody waits for it. It is parked at once under a key of its own, and what comes behind it goes on:
    /// for consumers whose keys are said by [`Concerns`](crate::Concerns); for others it is poison.
    #[error("{0}")]
    Stray(SharedError),
    /// Something that everything needs is down. The partition waits, and says on what; it is no fault
    /// of the event, and no attempt is counted.
    #[error("waiting for {on}: {source}")]
    Blocked {
        /// What is down.
        on: String,
        /// What it said.
        source: SharedError,
    },
    /// It was told to stop in the middle. No attempt is counted.
    #[error("it was interrupted")]
    Interrupted,
    /// Somebody else has the partition, or has moved it: let go, and look again.
    #[error("{0}")]
    Lost(SharedError),
    /// The consumer itself cannot go on, whatever event comes.
    #[error("{0}")]
    Stop(SharedError),
}

impl ConsumeError {
    /// It may go better the next time.
    pub fn retry(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Retry(source.into().into())
    }

    /// It will never go.
    pub fn poison(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Poison(source.into().into())
    }

    /// Nobody waits for it.
    pub fn stray(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Stray(source.into().into())
    }

    /// Something that everything needs is down.
    pub fn blocked(
        on: impl Into<String>,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self::Blocked { on: on.into(), source: source.into().into() }
    }

    /// The consumer itself cannot go on.
    pub fn stop(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Stop(source.into().into())
    }

    /// Whether the event is to blame, and not what surrounds it.
    pub fn blames_the_event(&self) -> bool {
        matches!(self, Self::Retry(_) | Self::Poison(_) | Self::Stray(_))
    }

    /// Why, short enough for a table, and in characters that every store keeps.
    pub fn reason(&self) -> String {
        self.to_string().replace('\0', "\u{fffd}").chars().take(2_000).collect()
    }

    /// Whether it will never go, however often it is tried.
    pub(crate) fn is_hopeless(&self) -> bool {
        matches!(self, Self::Poison(_) | Self::Stray(_))
    }

    /// Passes it through a transaction, to come out again at the other end.
    pub(crate) fn refuse(self) -> StoreError {
        StoreError::Refused { source: std::sync::Arc::new(self) }
    }
}

impl From<StoreError> for ConsumeError {
    fn from(error: StoreError) -> Self {
        if let StoreError::Refused { source } = &error
            && let Some(own) = source.downcast_ref::<Self>()
        {
            return own.clone();
        }
        match (&error, error.kind()) {
            (StoreError::Fenced { .. }, _) => Self::Lost(std::sync::Arc::new(error)),
            // What was asked cannot be done, for this event's sake.
            (_, ErrorKind::Invalid | ErrorKind::Refused) => Self::Retry(std::sync::Arc::new(error)),
            (
                StoreError::NoSuchTable { .. }
                | StoreError::Database { .. }
                | StoreError::TookTooLong { .. },
                _,
            ) => Self::Retry(std::sync::Arc::new(error)),
            (StoreError::HistoryWentBack { .. } | StoreError::Newer { .. }, _) => {
                Self::Stop(std::sync::Arc::new(error))
            }
            _ => Self::blocked("the store", error),
        }
    }
}
