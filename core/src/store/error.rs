//! What a store runs into, with the facts for a decision.

use std::sync::Arc;

use super::KeyDifference;
use crate::envelope::EventId;
use crate::error_kind::ErrorKind;
use crate::names::{ExpectedVersion, Position, StreamId, StreamVersion};
use crate::table::{IndexSpec, InvalidTable, InvalidValue, TableSpec};

/// Any error.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Any error, shared by all who waited for the same commit.
pub type SharedError = Arc<dyn std::error::Error + Send + Sync>;

/// What a store ran into.
///
/// Unless [`may_have_written`](Self::may_have_written) says otherwise, nothing was written.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The stream is not where the append expected it.
    #[error(
        "stream `{stream}` is at version {actual}, the append expected {expected}: reload and decide again"
    )]
    Conflict {
        /// The stream.
        stream: StreamId,
        /// What the append expected.
        expected: ExpectedVersion,
        /// Where the stream is.
        actual: StreamVersion,
    },
    /// An id is stored already, and not as the same append.
    #[error(
        "event id {id} is already stored, and not as part of the same append: give every event an id of its own"
    )]
    DuplicateEvent {
        /// The id.
        id: EventId,
    },
    /// An idempotency key has been used for another command.
    #[error(
        "the idempotency key `{key}` was used for {differs} `{first}` before: a key belongs to one command"
    )]
    KeyReused {
        /// The key.
        key: String,
        /// The stream it was first used for.
        first: StreamId,
        /// How the command differs from the first.
        differs: KeyDifference,
    },
    /// The command was refused when it came the first time, and that was to be remembered.
    #[error("the command with the idempotency key `{key}` was refused before: {refusal}")]
    RefusedBefore {
        /// The key.
        key: String,
        /// The words of the refusal.
        refusal: String,
    },
    /// The connection or the process broke while the commit was under way.
    #[error(
        "whether the append was written is unknown, the reply was lost: append the same event ids again, which is safe, or look them up"
    )]
    OutcomeUnknown {
        /// What broke.
        source: SharedError,
    },
    /// Somebody else has moved or taken a checkpoint.
    #[error(
        "the checkpoint `{name}` is not at {from} with token {token} any more, somebody else has it or has moved it: nothing was written; stop working on it, and look again"
    )]
    Fenced {
        /// The checkpoint.
        name: String,
        /// The token that was presented.
        token: u64,
        /// Where it was thought to stand.
        from: Position,
    },
    /// The request itself is wrong.
    #[error("the request cannot be taken: {why}")]
    Invalid {
        /// What is wrong.
        why: String,
    },
    /// A hook, or the work of a transaction, said no.
    #[error("the transaction was refused by its own work: {source}")]
    Refused {
        /// What it said.
        source: SharedError,
    },
    /// Something in the transaction had failed before, and one failure ends a transaction.
    #[error(
        "the transaction was over when this was asked of it, nothing of it was written; what ended it: {first}. \
         Pass a failure on; to write what may be there already, look first or use `INSERT ... ON CONFLICT`"
    )]
    TransactionOver {
        /// The first failure.
        #[source]
        first: Box<StoreError>,
    },
    /// The store cannot do this at all.
    #[error("the {store} store does not support {what}")]
    Unsupported {
        /// The store.
        store: &'static str,
        /// What was asked.
        what: &'static str,
    },
    /// There is no such table.
    #[error("there is no read model table `{table}`: start its projection first")]
    NoSuchTable {
        /// The table.
        table: String,
    },
    /// Too much is waiting already.
    #[error("the {store} store's queue of {limit} is full: slow down, or raise `{option}`")]
    Overloaded {
        /// The store.
        store: &'static str,
        /// The bound that was met.
        limit: usize,
        /// The option that sets it.
        option: &'static str,
    },
    /// The server gave up on a statement.
    #[error(
        "the {store} store gave up waiting: {what}; nothing was written; raise `{option}` if it needs longer"
    )]
    TimedOut {
        /// The store.
        store: &'static str,
        /// What the server said.
        what: String,
        /// The option that sets the limit.
        option: &'static str,
    },
    /// The work of a transaction took longer than others can be kept waiting; it was undone.
    #[error(
        "the {store} store has undone a transaction: {what}; nothing was written; raise `{option}` if its \
         work needs longer"
    )]
    TookTooLong {
        /// The store.
        store: &'static str,
        /// What took too long.
        what: String,
        /// The option that sets the limit.
        option: &'static str,
    },
    /// There is no room left.
    #[error("no room is left at {place}: nothing was written; free some space and try again")]
    Full {
        /// Where.
        place: String,
    },
    /// Somebody else holds what is needed.
    #[error("{place} is locked by another process: {hint}")]
    Locked {
        /// Where.
        place: String,
        /// The way out.
        hint: String,
    },
    /// It can be read but not written.
    #[error("{place} cannot be written: {hint}")]
    ReadOnly {
        /// Where.
        place: String,
        /// The way out.
        hint: String,
    },
    /// The log is shorter than it was.
    #[error(
        "the log ends at {head}, before this cursor at {cursor}: it was restored from a backup, or a standby that lagged was promoted; rebuild what was made of it, from the start"
    )]
    HistoryWentBack {
        /// Where the log ends.
        head: Position,
        /// Where the cursor stands: it was there before.
        cursor: Position,
    },
    /// What is stored is damaged.
    #[error("{place} is damaged: {detail}; restore it from a backup")]
    Corrupt {
        /// Where.
        place: String,
        /// What was found.
        detail: String,
    },
    /// It was made by a newer version.
    #[error(
        "{place} was made by a newer version of Annals (its schema is {found}, this program knows {known}): upgrade the program"
    )]
    Newer {
        /// Where.
        place: String,
        /// The schema found.
        found: u32,
        /// The newest schema this program knows.
        known: u32,
    },
    /// It cannot be reached or opened.
    #[error("{place} cannot be opened: {source}")]
    Unavailable {
        /// Where.
        place: String,
        /// Why.
        source: SharedError,
    },
    /// It does not let this program in, and trying again does not help.
    #[error("{place} does not let this program in: {source}")]
    Denied {
        /// Where.
        place: String,
        /// Why.
        source: SharedError,
    },
    /// The store was closed.
    #[error("the store is closed")]
    Closed,
    /// The database refused a statement.
    #[error("the {store} store: {source}")]
    Database {
        /// The store.
        store: &'static str,
        /// What it said.
        source: SharedError,
    },
}

impl StoreError {
    /// A refusal by a hook or by a transaction's own work.
    pub fn refused(source: impl Into<BoxError>) -> Self {
        Self::Refused { source: source.into().into() }
    }

    /// What kind of error it is.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Conflict { .. } | Self::Fenced { .. } => ErrorKind::Conflict,
            Self::DuplicateEvent { .. }
            | Self::KeyReused { .. }
            | Self::Invalid { .. }
            | Self::Unsupported { .. } => ErrorKind::Invalid,
            Self::Refused { .. } | Self::RefusedBefore { .. } => ErrorKind::Refused,
            Self::OutcomeUnknown { .. } => ErrorKind::OutcomeUnknown,
            Self::TransactionOver { first } => first.kind(),
            Self::Overloaded { .. }
            | Self::TimedOut { .. }
            | Self::TookTooLong { .. }
            | Self::Full { .. }
            | Self::Locked { .. }
            | Self::Unavailable { .. } => ErrorKind::Transient,
            Self::NoSuchTable { .. }
            | Self::ReadOnly { .. }
            | Self::HistoryWentBack { .. }
            | Self::Corrupt { .. }
            | Self::Newer { .. }
            | Self::Denied { .. }
            | Self::Closed
            | Self::Database { .. } => ErrorKind::Fault,
        }
    }

    /// Two rows share the values of a unique index, in the words of every store. Which one is not
    /// always known.
    pub fn not_unique(table: &TableSpec, index: Option<&IndexSpec>) -> Self {
        let name = |place: &usize| Some(table.columns.get(*place)?.name);
        let columns = index.map(|index| index.columns.iter().filter_map(name).collect::<Vec<_>>());
        let columns = columns.map(|columns| format!(" ({})", columns.join(", ")));
        let why = format!(
            "two rows of `{}` share the values of a unique index{}: a row must give them up before \
             another takes them",
            table.name,
            columns.unwrap_or_default()
        );
        Self::Invalid { why }
    }

    /// Whether the write may have happened all the same.
    pub fn may_have_written(&self) -> bool {
        matches!(self, Self::OutcomeUnknown { .. })
    }

    /// Whether the same request may succeed later without anybody changing it.
    pub fn is_transient(&self) -> bool {
        matches!(self.kind(), ErrorKind::Transient | ErrorKind::OutcomeUnknown)
    }

    /// Whether the store has judged the append itself. Only such an answer settles what became of
    /// an earlier try with the same event ids whose reply was lost: that try wrote nothing. Any
    /// other error tells of the store, its connection or its disk, and of the earlier try nothing.
    pub fn is_answer(&self) -> bool {
        match self {
            Self::Conflict { .. }
            | Self::DuplicateEvent { .. }
            | Self::KeyReused { .. }
            | Self::RefusedBefore { .. }
            | Self::Invalid { .. }
            | Self::Refused { .. }
            | Self::Unsupported { .. } => true,
            Self::TransactionOver { first } => first.is_answer(),
            Self::OutcomeUnknown { .. }
            | Self::Fenced { .. }
            | Self::NoSuchTable { .. }
            | Self::Overloaded { .. }
            | Self::TimedOut { .. }
            | Self::TookTooLong { .. }
            | Self::Full { .. }
            | Self::Locked { .. }
            | Self::ReadOnly { .. }
            | Self::HistoryWentBack { .. }
            | Self::Corrupt { .. }
            | Self::Newer { .. }
            | Self::Unavailable { .. }
            | Self::Denied { .. }
            | Self::Closed
            | Self::Database { .. } => false,
        }
    }
}

impl From<InvalidTable> for StoreError {
    fn from(error: InvalidTable) -> Self {
        Self::Invalid { why: error.to_string() }
    }
}

impl From<InvalidValue> for StoreError {
    fn from(error: InvalidValue) -> Self {
        Self::Invalid { why: error.to_string() }
    }
}
