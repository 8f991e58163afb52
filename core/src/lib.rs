//! The core of Annals: events and their envelopes, schemas, aggregates, the traits a store
//! implements, a store in memory, and the loop that executes commands.
//!
//! It knows no database, no broker, no HTTP. Users depend on the facade crate `annals`; authors of
//! stores depend on this one alone.

mod aggregate;
mod backoff;
mod envelope;
mod error_kind;
mod event;
mod fingerprint;
mod journal;
mod json_text;
mod memory;
mod names;
mod payload;
mod schema;
mod spawned_read;
pub mod store;
mod subscription;
pub mod table;
mod time;
pub mod trace;

#[doc(hidden)]
pub mod __private;

pub use aggregate::{
    Aggregate, Apply, ByCommand, ByCommandReference, ByFunction, ByFunctionWithContext, Clock,
    Command, Decide, Decision, DecisionContext, IdGenerator, IntoDecision, IntoEvents, Outcome,
    RefusalOf, SnapshotPolicy, SystemClock, SystemIds,
};
pub use backoff::Backoff;
pub use envelope::{
    CloudEvent, CloudEventError, EventId, EventType, InvalidAggregateId, Metadata, NewEvent,
    Recorded, RecordedEvent, SchemaUrn, SpecVersion,
};
pub use error_kind::ErrorKind;
pub use event::{
    DecodeError, EncodeError, Event, EventDescriptor, Misfit, UnknownEvents, UpcastError, Upcaster,
};
pub use fingerprint::Fingerprint;
pub use journal::{
    Execute, ExecuteError, HistoryEvent, HistoryPage, ImportError, Journal, JournalError,
    JournalOptions, LoadError, Loaded, Origin, Receipt, RegisterError,
};
pub use memory::MemoryStore;
pub use names::{
    ExpectedVersion, InvalidName, MAX_CATEGORY_BYTES, MAX_STREAM_NAME_BYTES, Position, SLICES,
    Slice, StreamId, StreamVersion,
};
pub use payload::Payload;
pub use schema::{
    RegisteredSchema, Relation, RenamedFamily, SchemaChange, SchemaError, SchemaRegistry,
    SchemaViolation, StoredSchemas, key_that_comes_twice, relation, schema_of,
};
pub use subscription::Subscription;
pub use time::{EARLIEST_TIME, LATEST_TIME, cut_time};

/// The versions that generated code uses, for types of one's own inside events.
pub use {schemars, serde};

#[cfg(feature = "macros")]
pub use annals_macros::{Aggregate, Command, Event};
