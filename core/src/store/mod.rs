//! What a store must do. Users see their types, stores see raw envelopes.
//!
//! Each trait is object-safe and small, says its contract in prose, and has no default methods;
//! a store implements all of them and is then a [`Store`].

mod append;
mod browse;
mod capabilities;
mod check;
mod checkpoints;
mod commands;
mod error;
mod events;
mod examine;
mod inside;
mod leases;
mod migration;
mod operate;
mod repetition;
mod restore;
mod schemas;
mod snapshots;
mod strict;
mod tables;
mod transaction;
mod transaction_control;
mod visit;
mod wakeups;

pub use append::{Append, AppendHook, Appended, AppendedStream, MAX_APPEND_EVENTS, StreamAppend};
pub use browse::{Browse, MAX_STREAMS, StreamSummary, StreamsQuery};
pub use capabilities::Capabilities;
pub use check::{MAX_APPEND_BYTES, MAX_EVENT_TYPE_BYTES, MAX_METADATA_BYTES, MAX_PAYLOAD_BYTES};
pub use checkpoints::CheckpointStore;
pub use commands::{
    CommandKey, CommandOutcome, CommandRecord, CommandStore, InvalidKey, KeyDifference,
    KeyedCommand, MAX_REFUSAL_BYTES,
};
pub use error::{BoxError, SharedError, StoreError};
pub use events::{
    EventStore, LogFilter, LogPage, LogQuery, MAX_PAGE, MAX_PAGE_BYTES, PageRoom, ReadDirection,
    StreamQuery,
};
pub use examine::{
    AppliedMigration, Examination, Examine, Finding, MigrationState, MigrationStatus, Severity,
};
pub use inside::StoreMark;
pub use leases::{Lease, LeaseStore};
pub use migration::migration_checksum;
pub use operate::Operate;
pub use repetition::StoredPlace;
pub use restore::{PlacedAgain, Restore, Restored, Restoring};
pub use schemas::SchemaStore;
pub use snapshots::{SnapshotRecord, SnapshotStore};
pub use strict::Strict;
pub use tables::TableStore;
pub use transaction::{TransactExt, Transaction, TransactionWork, Work};
pub use transaction_control::{leading_keyword, refuse_transaction_control};
pub use visit::{PayloadVisitor, StoredPayload};
pub use wakeups::{WakeupSender, Wakeups};

/// Everything a store does.
pub trait Store:
    EventStore + CheckpointStore + CommandStore + LeaseStore + SchemaStore + SnapshotStore + TableStore
{
}

impl<S> Store for S where
    S: EventStore
        + CheckpointStore
        + CommandStore
        + LeaseStore
        + SchemaStore
        + SnapshotStore
        + TableStore
{
}

#[cfg(test)]
mod tests {
    /// A store must stay usable behind a pointer.
    const _: fn(&dyn super::Store) = |_| {};
}
