//! Read models: the fold that keeps them, the runner that keeps them up to date, rebuilding them
//! from history, and typed queries.
//!
//! It sees stores only through the traits of `annals-core`, and never a particular one.

mod error;
mod fold;
mod generations;
mod live;
mod orphans;
mod owner;
mod read_model;
mod run;

#[doc(hidden)]
pub mod __private;

pub use annals_consumers::{
    ConsumeError, EngineOptions, KeyBy, OnFailure, Start, Subscriber, SubscriberDefinition, ops,
};
pub use error::{FailedEvent, ProjectionError, ReadError, WaitError};
pub use fold::{EventHandler, HandlerTables, Keys, Projection};
pub use live::Live;
pub use orphans::Orphan;
pub use read_model::{
    Column, ColumnValue, Filter, KeyValue, Order, Pages, Query, ReadModel, RowError, RowKey,
    RowReader,
};
pub use run::{
    Definition, Mode, Partitions, PlannedTable, Progress, Projections, RebuildError, RebuildHandle,
    RebuildPlan, RunState, Status,
};

#[cfg(feature = "macros")]
pub use annals_macros::ReadModel;
