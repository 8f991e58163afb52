//! What projections and their readers run into.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use annals_consumers::ConsumeError;
use annals_core::store::{BoxError, StoreError};
use annals_core::{
    DecodeError, ErrorKind, EventType, InvalidAggregateId, Position, Recorded, RecordedEvent,
    RegisterError, StreamId,
};

use crate::read_model::RowError;
use crate::run::Partitions;

/// The event at which a projection failed. What it says of the event leaves the payload out, which
/// may be personal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailedEvent {
    /// Its type.
    pub event_type: EventType,
    /// Where it stands in the log.
    pub position: Position,
    /// The stream it stands in.
    pub stream: StreamId,
}

impl FailedEvent {
    pub(crate) fn of(event: &RecordedEvent) -> Self {
        let event_type = event.event_type.clone();
        Self { event_type, position: event.position, stream: event.stream.clone() }
    }

    pub(crate) fn of_recorded<E>(event: &Recorded<E>) -> Self {
        Self::of(&event.envelope)
    }
}

impl fmt::Display for FailedEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { event_type, position, stream } = self;
        write!(f, "`{event_type}` at position {position} of the log, stream `{stream}`")
    }
}

/// A projection that cannot go on. What stands before the event it failed at was written; nothing of
/// that event and of what follows it.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum ProjectionError {
    /// An event cannot be read.
    #[error("{event}, cannot be read: {source}")]
    Decode {
        /// Which event.
        event: FailedEvent,
        /// What is wrong.
        source: Arc<DecodeError>,
    },
    /// An event has no key.
    #[error("{event}, has no key: {source}")]
    Key {
        /// Which event.
        event: FailedEvent,
        /// What is wrong.
        source: InvalidAggregateId,
    },
    /// A handler of one's own failed.
    #[error("the handler failed at {event}: {source}")]
    Handler {
        /// Which event.
        event: FailedEvent,
        /// What it said.
        source: Arc<dyn std::error::Error + Send + Sync>,
    },
    /// What came of an event cannot be folded or written.
    #[error("{event}, cannot be taken into {tables}: {source}")]
    AtEvent {
        /// Which event.
        event: FailedEvent,
        /// The tables that are kept.
        tables: String,
        /// What is wrong.
        source: Arc<ProjectionError>,
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
        projection: Arc<str>,
        /// The table.
        table: String,
        /// Its version.
        version: u32,
    },
    /// The partitioning changed and the version did not.
    #[error(
        "`PARTITIONS` of `{projection}` was {was:?} and is {is:?}, and it is still at version \
         {version}: its partitions and parked keys go by the former, so raise `VERSION`, and it is rebuilt \
         from history; or take the change back"
    )]
    PartitionsChanged {
        /// The projection.
        projection: Arc<str>,
        /// Its version.
        version: u32,
        /// What it was when its rows were begun.
        was: Partitions,
        /// What it is in this program.
        is: Partitions,
    },
    /// An inline projection that is cut into partitions of its own.
    #[error(
        "`{projection}` is inline in this program, and was kept by subscription and cut into partitions, \
         which no append can move together: raise `VERSION` beyond {version}, and it is rebuilt from \
         history; or keep it by subscription (`project`, `handle`)"
    )]
    CutAnew {
        /// The projection.
        projection: Arc<str>,
        /// Its version.
        version: u32,
    },
    /// A newer program took over.
    #[error(
        "version {active} of `{projection}` is active, this program has version {own}: it leaves the read model alone"
    )]
    Superseded {
        /// The projection.
        projection: Arc<str>,
        /// The version that is active.
        active: u32,
        /// The version of this program.
        own: u32,
    },
    /// A newer program is building its version.
    #[error(
        "version {building} of `{projection}` is being built by a newer program, this one has \
         version {own} and leaves that alone; if the newer program is gone for good, raise \
         `VERSION` beyond {building}"
    )]
    BeingReplaced {
        /// The projection.
        projection: Arc<str>,
        /// The version that is being built.
        building: u32,
        /// The version of this program.
        own: u32,
    },
    /// Its table is another projection's.
    #[error(
        "the table `{table}` belongs to the projection `{owner}`, so `{projection}` must not write \
         to it: give its read model another table; or, if `{owner}` was renamed to `{projection}`, \
         say so with `const FORMERLY: &[&str] = &[\"{owner}\"];`; or, if `{owner}` is no longer \
         run by any program, remove it with `drop_orphan`"
    )]
    Owned {
        /// The projection that was to be started.
        projection: Arc<str>,
        /// The table.
        table: String,
        /// Whose it is.
        owner: String,
    },
    /// Nobody knows how far its rows are.
    #[error(
        "the checkpoint `{checkpoint}` is gone, so nobody knows which events the rows of \
         `{projection}` hold: rebuild it"
    )]
    CheckpointLost {
        /// The projection.
        projection: Arc<str>,
        /// The checkpoint's name.
        checkpoint: String,
    },
    /// A program that runs a projection cannot remove it.
    #[error("`{projection}` is run by this program: take it out before its tables are dropped")]
    InUse {
        /// The projection.
        projection: Arc<str>,
    },
    /// Its rows and the log are in two stores, which no transaction spans.
    #[error(
        "`{projection}` is inline, and its rows are kept in another store than the events: no append can have them in its transaction. Keep it by subscription (`project`, `handle`), or without `read_models`"
    )]
    Apart {
        /// The projection.
        projection: Arc<str>,
    },
    /// Somebody else moved the checkpoint or switched the table.
    #[error("another worker moved `{projection}` on")]
    Moved {
        /// The projection.
        projection: Arc<str>,
    },
    /// The user's code panicked.
    #[error("`{projection}` panicked: {message}")]
    Panicked {
        /// The projection.
        projection: Arc<str>,
        /// What it said.
        message: String,
    },
    /// An event touches a row that may belong to another partition.
    #[error(
        "{event}, touches a row of another id than its stream's, which another partition may be writing: \
         leave `PARTITIONS` at `Partitions::One`"
    )]
    OtherPartition {
        /// Which event.
        event: FailedEvent,
    },
    /// The version of this program was taken back.
    #[error(
        "`{projection}` was rolled back to version {active}, this program has version {own}: rebuild it \
         by hand to take over again, or start the program of version {active}"
    )]
    RolledBack {
        /// The projection.
        projection: Arc<str>,
        /// The version that is active, or is to be.
        active: u32,
        /// The version of this program.
        own: u32,
    },
    /// There is nothing to switch back to.
    #[error("no version before is kept of `{projection}`: there is nothing to roll back to")]
    NothingBefore {
        /// The projection.
        projection: Arc<str>,
    },
    /// Its events do not fit the store.
    #[error("{0}")]
    Register(Arc<RegisterError>),
    /// What the store remembers of the projection cannot be read.
    #[error("what the store remembers of `{projection}` cannot be read: {why}")]
    Record {
        /// The projection, or the table.
        projection: String,
        /// What is wrong.
        why: String,
    },
}

impl ProjectionError {
    /// What kind of error it is.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Store(error) => error.kind(),
            Self::AtEvent { source, .. } => source.kind(),
            Self::Register(error) => error.kind(),
            // Somebody else has the read model, or moves it.
            Self::Moved { .. }
            | Self::Superseded { .. }
            | Self::BeingReplaced { .. }
            | Self::RolledBack { .. } => ErrorKind::Conflict,
            Self::InUse { .. } | Self::Apart { .. } | Self::NothingBefore { .. } => {
                ErrorKind::Invalid
            }
            _ => ErrorKind::Fault,
        }
    }

    /// As the reason why a transaction is refused.
    pub(crate) fn refuse(self) -> StoreError {
        match self {
            Self::Store(error) => error,
            other => StoreError::refused(Box::new(other) as BoxError),
        }
    }

    /// Whether an event is to blame: then the events before it can be taken in without it.
    pub(crate) fn blames_an_event(&self) -> bool {
        match self {
            Self::Decode { .. }
            | Self::Key { .. }
            | Self::Handler { .. }
            | Self::StrangeRow { .. }
            | Self::Row(_)
            | Self::Panicked { .. } => true,
            Self::Store(error) => matches!(
                error,
                StoreError::Invalid { .. }
                    | StoreError::Refused { .. }
                    | StoreError::TransactionOver { .. }
                    | StoreError::Database { .. }
                    | StoreError::Unsupported { .. }
            ),
            _ => false,
        }
    }

    /// Says which event it was, where that is not said yet.
    pub(crate) fn at(self, event: FailedEvent, tables: String) -> Self {
        match self {
            known @ (Self::Decode { .. }
            | Self::Key { .. }
            | Self::Handler { .. }
            | Self::AtEvent { .. }) => known,
            source => Self::AtEvent { event, tables, source: Arc::new(source) },
        }
    }
}

impl From<ProjectionError> for ConsumeError {
    fn from(error: ProjectionError) -> Self {
        match error {
            ProjectionError::Store(error) => error.into(),
            error @ (ProjectionError::Decode { .. } | ProjectionError::Key { .. }) => {
                Self::Poison(Arc::new(error))
            }
            error @ ProjectionError::Moved { .. } => Self::Lost(Arc::new(error)),
            error if error.blames_an_event() => Self::Retry(Arc::new(error)),
            error => Self::Stop(Arc::new(error)),
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
    pub projection: Arc<str>,
    /// Where it is.
    pub position: Position,
    /// Where it should be.
    pub wanted: Position,
    /// How long it was waited for.
    pub waited: Duration,
    /// Why it does not get on, if it failed or was stopped.
    pub last_error: Option<String>,
}

impl WaitError {
    /// What kind of error it is: the read model may get there later.
    pub fn kind(&self) -> ErrorKind {
        ErrorKind::Transient
    }
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
        projection: Arc<str>,
        /// How far it has got.
        percent: u8,
    },
    /// The rows that are there were made by another version, and have other columns.
    #[error(
        "version {active} of `{table}` is active, with other columns than this program reads: read \
         it with the program that has them"
    )]
    Superseded {
        /// The table.
        table: String,
        /// The version of the projection that fills it.
        active: u32,
    },
    /// More rows meet the conditions than a list holds.
    #[error(
        "more than {limit} rows of `{table}` meet the conditions: set a `limit`, take `page` after \
         `page`, or take `all`"
    )]
    TooMany {
        /// The table.
        table: String,
        /// How many a list holds.
        limit: u32,
    },
    /// A page that cannot be asked for.
    #[error("{why}")]
    Page {
        /// What is wrong.
        why: String,
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

impl ReadError {
    /// What kind of error it is.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Wait(error) => error.kind(),
            Self::Rebuilding { .. } => ErrorKind::Transient,
            Self::TooMany { .. } | Self::Page { .. } => ErrorKind::Invalid,
            Self::Superseded { .. } | Self::NotProjected { .. } | Self::Row(_) => ErrorKind::Fault,
            Self::Projection(error) => error.kind(),
            Self::Store(error) => error.kind(),
        }
    }
}
