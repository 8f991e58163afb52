//! Keeping read models up to date: in the append's transaction, by subscription, and anew from
//! history.

mod catch_up;
mod cursor;
mod definition;
mod gate;
mod handle;
mod inline;
mod progress;
mod projections;
mod rebuild;
mod runner;
mod setup;
mod shared;
mod status;
mod switch;

pub(crate) use definition::event_types;
pub(crate) use gate::Gate;

pub use definition::{Definition, Mode};
pub use handle::{RebuildError, RebuildHandle};
pub use progress::Progress;
pub use projections::Projections;
pub use shared::RunnerOptions;
pub use status::{RunState, Status};
