//! What a store must do. Users see their types, stores see raw envelopes.
//!
//! Each trait is object-safe and small, says its contract in prose, and has no default methods. An
//! [`EventLog`] is where facts are, a [`Workspace`] is where effects go, and a [`Store`] is both.

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
mod measure;
mod migration;
mod operate;
mod repetition;
mod restore;
mod schemas;
mod snapshots;
mod state;
mod stores;
mod strict;
mod tables;
mod transact;
mod transaction;
mod transaction_control;
mod visit;
mod wakeups;

pub use append::{Append, AppendHook, Appended, AppendedStream, MAX_APPEND_EVENTS, StreamAppend};
pub use browse::{Browse, MAX_STREAMS, StreamSummary, StreamsQuery};
pub use capabilities::Capabilities;
pub use check::{MAX_APPEND_BYTES, MAX_EVENT_TYPE_BYTES, MAX_METADATA_BYTES, MAX_PAYLOAD_BYTES};
pub use checkpoints::{Advance, CheckpointStore, Fence};
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
pub use measure::measure_commit;
pub use migration::migration_checksum;
pub use operate::Operate;
pub use repetition::StoredPlace;
pub use restore::{PlacedAgain, Restore, Restored, Restoring};
pub use schemas::SchemaStore;
pub use snapshots::{SnapshotRecord, SnapshotStore};
pub use state::StateStore;
pub use stores::{EventLog, Store, Stores, Workspace};
pub use strict::Strict;
pub use tables::TableStore;
pub use transact::{Transact, TransactExt, TransactionWork, Work};
pub use transaction::{
    Transaction, TransactionCheckpoints, TransactionLog, TransactionSql, TransactionState,
    TransactionTables,
};
pub use transaction_control::{leading_keyword, refuse_transaction_control};
pub use visit::{PayloadVisitor, StoredPayload};
pub use wakeups::{WakeupSender, Wakeups};
