//! Sagas: flows over many aggregates that always end, in success or in full compensation.
//!
//! What stands here is pure: what a saga is told and what it decides ([`Saga`], [`Flow`]), and the rules by which
//! an instance goes on, is compensated, and ends ([`Instance`]).

mod correlation;
mod decision;
mod flow;
mod input;
mod instance;
mod refusal;
mod saga;
mod step;
#[cfg(test)]
mod tests;

pub use correlation::Correlation;
pub use decision::{Decided, Errand, Outcome};
pub use flow::{Flow, Sent};
pub use input::{HappenedEvent, Input};
pub use instance::{Instance, InstanceError, OVERALL, Phase};
pub use refusal::Refusal;
pub use saga::Saga;
pub use step::Step;
