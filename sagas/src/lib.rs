//! Sagas: flows over many aggregates that always end, in success or in full compensation.
//!
//! What a saga is told and what it decides is pure ([`Saga`], [`Flow`]), and so are the rules by which an instance
//! goes on, is compensated, and ends ([`Instance`]). Two consumers of the engine run it ([`definitions`]).

mod alarm;
mod append_once;
mod census;
mod commands;
mod correlation;
mod decision;
mod definition;
mod dispatcher;
mod elsewhere;
mod event;
mod flow;
mod input;
mod instance;
mod ledger;
mod manager;
pub mod ops;
mod recording;
mod refusal;
mod replay;
mod saga;
mod scheduled;
mod sendable;
mod step;
mod steps;
#[cfg(test)]
mod tests;
mod timeline;
mod words;

pub use census::Census;
pub use commands::{Commands, Travels};
pub use correlation::{Begins, Correlation};
pub use decision::{Decided, Errand, Outcome};
pub use definition::definitions;
pub use elsewhere::{CommandEvent, Inward, executing, hearing};
pub use event::{Reply, SagaEvent};
pub use flow::{Flow, Sent};
pub use input::{HappenedEvent, Input, Steer};
pub use instance::{Instance, InstanceError};
pub use ledger::{Ledger, OVERALL, Phase, REMINDER};
pub use recording::{History, Recording, RecordingError};
pub use refusal::Refusal;
pub use replay::{Difference, ReplayError, Replayed};
pub use saga::{Saga, Strays};
pub use scheduled::{SCHEDULED, ScheduleError, ScheduledEvent, call_off, schedule, scheduled};
pub use sendable::Sendable;
pub use step::Step;
pub use timeline::Timeline;
