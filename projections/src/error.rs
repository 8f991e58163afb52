//! What projections and their readers run into.

use std::sync::Arc;
use std::time::Duration;

use annals_core::store::{BoxError, StoreError};
use annals_core::{DecodeError, InvalidAggregateId, Position, RegisterError};

use crate::read_model::RowError;

/// A projection that cannot go on. Nothing of the batch it failed in was written.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum ProjectionError {
    /// An event cannot be read.
    #[error("the event at position {position}: {source}")]
    Decode {
        /// Where the event stands.
        position: Position,
        /// What is wrong.
        source: Arc<DecodeError>,
    },
    /// An event has no key.
    #[error("the event at position {position} has no key: {source}")]
    Key {
        /// Where the event stands.
        position: Position,
        /// What is wrong.
        source: InvalidAggregateId,
    },
    /// A handler of one's own failed.
    #[error("the handler failed at position {position}: {source}")]
    Handler {
        /// Where the event stands.
        position: Position,
        /// What it said.
        source: Arc<dyn std::error::Error + Send + Sync>,
    },
    /// A row of the table does not fit the struct.
    #[error(transparent)]
    Row(#[from] RowError),
    /// The store gave back a row that nobody asked for.
    #[error(
        "`{table}` gave back a row of another key than was asked for: its `ColumnValue`s must come \
         out of the database as they went in"
    )]
    StrangeRow {
        /// The table.
        table: String,
    },
    /// The store failed.
    #[error(transparent)]
    Store(StoreError),
    /// The columns changed and the version did not.
    #[error(
        "the columns of `{table}` changed, and `{projection}` is still at version {version}: raise `VERSION`, and it is rebuilt from history"
    )]
    ShapeChanged {
        /// The projection.
        projection: &'static str,
        /// The table.
        table: String,
        /// Its version.
        version: u32,
    },
    /// A newer program took over.
    #[error(
        "version {active} of `{projection}` is active, this program has version {own}: it leaves the read model alone"
    )]
    Superseded {
        /// The projection.
        projection: &'static str,
        /// The version that is active.
        active: u32,
        /// The version of this program.
        own: u32,
    },
    /// Somebody else moved the checkpoint or switched the table.
    #[error("another worker moved `{projection}` on")]
    Moved {
        /// The projection.
        projection: &'static str,
    },
    /// The user's code panicked.
    #[error("`{projection}` panicked: {message}")]
    Panicked {
        /// The projection.
        projection: &'static str,
        /// What it said.
        message: String,
    },
    /// Its events do not fit the store.
    #[error("{0}")]
    Register(Arc<RegisterError>),
    /// What the store remembers of the projection cannot be read.
    #[error("what the store remembers of `{projection}` cannot be read: {why}")]
    Record {
        /// The projection.
        projection: &'static str,
        /// What is wrong.
        why: String,
    },
}

impl ProjectionError {
    /// As the reason why a transaction is refused.
    pub(crate) fn refuse(self) -> StoreError {
        match self {
            Self::Store(error) => error,
            other => StoreError::refused(Box::new(other) as BoxError),
        }
    }
}

impl From<StoreError> for ProjectionError {
    /// Unwraps what was wrapped to refuse a transaction.
    fn from(error: StoreError) -> Self {
        if let StoreError::Refused { source } = &error
            && let Some(inner) = source.downcast_ref::<Self>()
        {
            return inner.clone();
        }
        Self::Store(error)
    }
}

/// A position that was not reached in time.
#[derive(Debug, Clone, thiserror::Error)]
#[error("`{projection}` is at position {position} and did not reach {wanted} within {waited:?}{}", last_error.as_ref().map(|error| format!(": {error}")).unwrap_or_default())]
pub struct WaitError {
    /// The projection.
    pub projection: &'static str,
    /// Where it is.
    pub position: Position,
    /// Where it should be.
    pub wanted: Position,
    /// How long it was waited for.
    pub waited: Duration,
    /// Why it does not get on, if it failed.
    pub last_error: Option<String>,
}

/// A read model that could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// It did not reach the position in time.
    #[error(transparent)]
    Wait(#[from] WaitError),
    /// Its new columns are still being built.
    #[error(
        "`{projection}` is being rebuilt for its new columns ({percent} % done): try again later"
    )]
    Rebuilding {
        /// The projection.
        projection: &'static str,
        /// How far it has got.
        percent: u8,
    },
    /// No projection of this process keeps it.
    #[error("no projection of this process keeps `{table}`: add it with `project` before `start`")]
    NotProjected {
        /// The table.
        table: String,
    },
    /// A row does not fit the struct.
    #[error(transparent)]
    Row(#[from] RowError),
    /// The events of a live projection cannot be folded.
    #[error(transparent)]
    Projection(#[from] ProjectionError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}
