//! Given what an instance of a saga was told, when it is told one thing more, then it decides that.

mod play;
mod report;
#[cfg(test)]
mod tests;
mod then;
mod when;

use std::collections::BTreeMap;
use std::fmt::Debug;

use annals_core::{Position, StreamId, StreamVersion};
use annals_sagas::{Decided, Instance, Saga};
use jiff::Timestamp;

use crate::SequentialIds;

/// The story of one instance of a saga: what it is told, and what it decides on each.
///
/// Every input passes through JSON, as it stands in the log; and each is also told to an instance that was
/// folded anew from the steps before. A saga that decides otherwise the second time is not pure, and the scenario
/// says so. So it does of a command that is none of the saga's [`commands`](Saga::commands).
///
/// What is decided has to be expected, one thing after the other: what is left over when the next thing is told, or
/// when the scenario ends, does not hold. [`then_whatever`](Self::then_whatever) looks away. Only the deadlines of the
/// rules that hold for every saga need not be expected, nor that it is compensated where something follows from that.
///
/// ```
/// # use std::time::Duration;
/// # use annals_core::*;
/// # use annals_sagas::*;
/// # use serde::{Deserialize, Serialize};
/// # #[derive(Event, Debug, PartialEq)]
/// # #[event(prefix = "shop", crate = annals_core)]
/// # enum ShopEvent { Placed { product: String } }
/// # #[derive(Aggregate, Default)]
/// # #[aggregate(category = "product", id = String, event = ShopEvent, error = std::fmt::Error, crate = annals_core)]
/// # struct Product;
/// # impl Apply for Product { fn apply(&mut self, _: &ShopEvent) {} }
/// # #[derive(Command, Serialize, Deserialize)]
/// # #[command(aggregate = Product, crate = annals_core)]
/// # struct Reserve { order: String }
/// # #[derive(Command, Serialize, Deserialize)]
/// # #[command(aggregate = Product, crate = annals_core)]
/// # struct Release { order: String }
/// # impl Decide<Reserve> for Product {
/// #     fn decide(&self, _: &Reserve, _: &DecisionContext) -> Result<Vec<ShopEvent>, std::fmt::Error> { Ok(vec![]) }
/// # }
/// # impl Decide<Release> for Product {
/// #     fn decide(&self, _: &Release, _: &DecisionContext) -> Result<Vec<ShopEvent>, std::fmt::Error> { Ok(vec![]) }
/// # }
/// /// Goods are reserved for an order, and given free again when they are not picked up.
/// #[derive(Default)]
/// struct Reservation;
///
/// impl Saga for Reservation {
/// #   type Event = ShopEvent;
/// #   const NAME: &'static str = "reservation";
/// #   const WITHIN: Duration = Duration::from_secs(24 * 3600);
/// #   fn commands() -> Commands { Commands::of::<Reserve>().and::<Release>() }
/// #   fn correlate(event: &Recorded<ShopEvent>) -> Vec<Correlation> { vec![Correlation::start(event.stream.id())] }
///     // …
///     fn on(&mut self, event: &Recorded<ShopEvent>, flow: &mut Flow) {
///         let ShopEvent::Placed { product } = &event.data;
///         let order = event.stream.id().to_owned();
///         let release = Release { order: order.clone() };
///         flow.send(product, &Reserve { order }).undone_by(product, &release);
///         flow.wake_after("picked up", Duration::from_secs(3600));
///     }
/// }
///
/// use annals_testkit::SagaScenario;
///
/// let (tea, order) = ("tea".to_owned(), || "17".to_owned());
/// SagaScenario::<Reservation>::of("17")
///     .when("order-17", ShopEvent::Placed { product: tea.clone() })
///     .then_sends(&tea, &Reserve { order: order() })
///     .then_wakes_in("picked up", Duration::from_secs(3600))
///     .when_done("reserve")
///     .then_nothing()
///     .when_time_passes(Duration::from_secs(3600))
///     .then_undoes(&tea, &Release { order: order() })
///     .when_done("release")
///     .then_compensated();
/// ```
pub struct SagaScenario<S: Saga> {
    instance: String,
    now: Timestamp,
    live: Instance<S>,
    /// What is told the same.
    again: Instance<S>,
    /// The steps that were taken, as they stand in the log.
    steps: Vec<String>,
    story: Vec<Chapter>,
    last: Last,
    ids: SequentialIds,
    position: Position,
    versions: BTreeMap<StreamId, StreamVersion>,
}

/// What was told, and what was decided on it.
struct Chapter {
    told: String,
    decided: Vec<Decided>,
    /// What came of it instead.
    instead: Option<String>,
}

/// What came of the last input, as far as it was not expected yet.
#[derive(Default)]
struct Last {
    /// What is to be expected next is at `next`.
    decided: Vec<Decided>,
    next: usize,
    /// Which instances the event concerns, if it was one.
    concerns: Vec<String>,
    /// The event is for other instances, and nobody has said so yet.
    is_ignored: bool,
    /// Why no instance waits for it, as long as nobody has said so.
    stray: Option<String>,
}

impl<S: Saga> SagaScenario<S>
where
    S::Event: Debug + PartialEq,
{
    /// The story of an instance, by the name that [`correlate`](Saga::correlate) gives it. Nothing has been told it
    /// yet.
    #[must_use = "a scenario tests nothing without `when` and `then`"]
    pub fn of(instance: impl ToString) -> Self {
        Self {
            instance: instance.to_string(),
            now: Timestamp::UNIX_EPOCH,
            live: Instance::default(),
            again: Instance::default(),
            steps: Vec::new(),
            story: Vec::new(),
            last: Last::default(),
            ids: SequentialIds::default(),
            position: Position::START,
            versions: BTreeMap::new(),
        }
    }

    /// The time from here on. Unless told otherwise, it is 1970, and passes by
    /// [`when_time_passes`](Self::when_time_passes) alone. No deadline comes by this.
    #[must_use = "a scenario tests nothing without `when` and `then`"]
    pub fn at(mut self, now: Timestamp) -> Self {
        self.now = now;
        self
    }
}

impl<S: Saga> Drop for SagaScenario<S> {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.goes_on();
        }
    }
}
