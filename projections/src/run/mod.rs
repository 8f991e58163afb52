//! Keeping read models up to date: in the append's transaction, by subscription, and anew from
//! history.

mod catch_up;
mod caught;
mod cursor;
mod definition;
mod gate;
mod inline;
mod look;
mod options;
mod pause;
mod progress;
mod projections;
mod rebuild;
mod rebuild_handle;
mod recover;
mod runner;
mod setup;
mod shapes;
mod shared;
mod slot;
mod status;
mod stop;
mod switch;
mod tend;

pub(crate) use definition::event_types;
pub(crate) use gate::Gate;
pub(crate) use stop::Stop;

pub use definition::{Definition, Mode};
pub use options::RunnerOptions;
pub use progress::Progress;
pub use projections::Projections;
pub use rebuild_handle::{RebuildError, RebuildHandle};
pub use status::{RunState, Status};
