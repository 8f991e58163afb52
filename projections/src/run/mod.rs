//! Keeping read models up to date: in the append's transaction, by subscription, and anew from
//! history.

mod definition;
mod dry_run;
mod follow;
mod gate;
mod inline;
mod keep;
mod look;
mod plan;
mod progress;
mod projections;
mod rebuild;
mod rebuild_handle;
mod rebuild_key;
mod setup;
mod shapes;
mod shared;
mod slot;
mod status;
mod steer;
mod switch;
mod verify;

pub(crate) use definition::event_types;
pub(crate) use gate::Gate;

pub use definition::{Definition, Mode, Partitions};
pub use plan::{PlannedTable, RebuildPlan};
pub use progress::Progress;
pub use projections::Projections;
pub use rebuild_handle::{RebuildError, RebuildHandle};
pub use status::{RunState, Status};
