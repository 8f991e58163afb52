//! Aggregates: a state folded from events, and decisions on that state.

mod command;
mod command_schema;
mod context;
mod decision;
mod snapshot;

pub use command::{Command, Decide};
pub use command_schema::{NoSchema, SchemaOfType, SchemaProbe};
pub use context::{Clock, DecisionContext, IdGenerator, SystemClock, SystemIds};
pub use decision::{
    ByCommand, ByCommandReference, ByFunction, ByFunctionWithContext, Decision, IntoDecision,
    IntoEvents, Outcome, RefusalOf,
};
pub use snapshot::SnapshotPolicy;

use std::fmt;
use std::str::FromStr;

use crate::envelope::RecordedEvent;
use crate::event::{Event, UnknownEvents};

/// The names and types of an aggregate. Derived by `#[derive(Aggregate)]`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an aggregate",
    note = "add `#[derive(Aggregate, Default)]` and `#[aggregate(category = \"…\", id = …, event = …, error = …)]`"
)]
pub trait Aggregate: Default + Send + Sync + 'static {
    /// The part of the stream's name before the `-`.
    const CATEGORY: &'static str;

    /// What happens when the stream holds events of a type that [`Self::Event`] does not declare.
    const UNKNOWN: UnknownEvents;

    /// What tells one aggregate of the category from another.
    type Id: fmt::Display + FromStr<Err: fmt::Display> + Send + Sync + 'static;

    /// What can happen to it.
    type Event: Event;

    /// Why it refuses.
    type Error: std::error::Error + Send + Sync + 'static;

    /// When and how its state is kept, if at all.
    fn snapshots() -> Option<SnapshotPolicy<Self>>;
}

/// How an event changes the state.
///
/// ```
/// use annals_core::{Aggregate, Apply, Event};
///
/// #[derive(Event)]
/// #[event(prefix = "counter", crate = annals_core)]
/// enum CounterEvent { Increased { by: u64 } }
///
/// #[derive(Aggregate, Default)]
/// #[aggregate(category = "counter", id = String, event = CounterEvent,
///             error = std::convert::Infallible, crate = annals_core)]
/// struct Counter { total: u64 }
///
/// impl Apply for Counter {
///     fn apply(&mut self, event: &CounterEvent) {
///         let CounterEvent::Increased { by } = event;
///         self.total += by;
///     }
/// }
///
/// let mut counter = Counter::default();
/// counter.apply(&CounterEvent::Increased { by: 2 });
/// assert_eq!(counter.total, 2);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not say how events change it",
    note = "write `impl Apply for {Self} {{ fn apply(&mut self, event: &…) {{ … }} }}`"
)]
pub trait Apply: Aggregate {
    /// Changes the state by one event. It must not fail: the event has happened.
    fn apply(&mut self, event: &Self::Event);

    /// Sees an event of an undeclared type, when the aggregate chose `unknown = "raw"`.
    fn apply_unknown(&mut self, _event: &RecordedEvent) {}
}
