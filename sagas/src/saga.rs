//! A flow over many aggregates.

use std::time::Duration;

use annals_consumers::Start;
use annals_core::{Event, Recorded};

use crate::commands::Commands;
use crate::correlation::Correlation;
use crate::flow::Flow;
use crate::refusal::Refusal;

/// What becomes of an input that no instance waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strays {
    /// It is parked beside its instance, until a person has it told again or throws it away.
    Park,
    /// It is passed by: for sagas that wait for a part of what happens.
    PassBy,
}

/// A flow over many aggregates that always ends: in success, or with everything undone that was done. It is
/// told events, replies to the commands it has sent, and deadlines, one after the other, and decides what
/// follows. Nothing else is known to it: the same inputs lead to the same state and the same decisions, so that
/// an instance can be folded from its own stream.
///
/// ```
/// # use std::time::Duration;
/// # use annals_core::*;
/// # use annals_sagas::*;
/// # use serde::{Deserialize, Serialize};
/// # #[derive(Event)]
/// # #[event(prefix = "shop", crate = annals_core)]
/// # enum ShopEvent { Placed { product: String }, Reserved { order: String } }
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
///     type Event = ShopEvent;
///     const NAME: &'static str = "reservation";
///     const WITHIN: Duration = Duration::from_secs(24 * 3600);
///
///     fn commands() -> Commands {
///         Commands::of::<Reserve>().and::<Release>()
///     }
///
///     fn correlate(event: &Recorded<ShopEvent>) -> Vec<Correlation> {
///         match &event.data {
///             ShopEvent::Placed { .. } => vec![Correlation::start(event.stream.id())],
///             ShopEvent::Reserved { order } => vec![Correlation::continues(order)],
///         }
///     }
///
///     fn on(&mut self, event: &Recorded<ShopEvent>, flow: &mut Flow) {
///         if let ShopEvent::Placed { product } = &event.data {
///             let order = event.stream.id().to_owned();
///             let release = Release { order: order.clone() };
///             flow.send(product, &Reserve { order }).undone_by(product, &release);
///             flow.wake_after("picked up", Duration::from_secs(3600));
///         }
///     }
/// }
///
/// # let placed = NewEvent::of(&ShopEvent::Placed { product: "tea".to_owned() })?;
/// # let stream = StreamId::parse("order-17")?;
/// # let recorded = placed.record(stream, StreamVersion::new(1), Position::new(1), "2026-03-02T09:00:00Z".parse()?);
/// // What it decides needs no store.
/// let mut instance = Instance::<Reservation>::default();
/// let step = instance.take(Input::Event(HappenedEvent::of(&recorded)?), recorded.recorded_at)?;
/// assert!(matches!(&step.decided[1], Decided::Send { errand, .. } if errand.command == "reserve"));
/// assert_eq!(instance.ledger().waits_for().count(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Sagas are from Garcia-Molina and Salem, *Sagas* (1987); that one object decides for a whole flow is the
/// process manager of Hohpe and Woolf, *Enterprise Integration Patterns* (2003).
pub trait Saga: Default + Send + Sync + 'static {
    /// The events it listens to. They may be of several aggregates.
    type Event: Event;

    /// A stable name: 1 to 40 of `a` to `z`, `0` to `9`, `_` and `.`. Its instances' streams are of the category
    /// `saga.<name>`. Another name does not compile.
    const NAME: &'static str;

    /// Raise it when the program changes what it decides, so that people see which version an instance was
    /// begun by. Instances go on under the newest: see [`Flow::patched`].
    const VERSION: u32 = 1;

    /// How long a flow may take in all, by the store's clock. What has not ended by then is compensated.
    const WITHIN: Duration;

    /// Into how many partitions its instances are cut when it is started for the first time: so many steps are
    /// taken side by side.
    const PARTITIONS: u32 = 1;

    /// What becomes of an input for an instance that has ended or never began. It is counted in any case.
    const STRAYS: Strays = Strays::Park;

    /// The commands that it may send.
    fn commands() -> Commands;

    /// Where in the log it begins when it is started for the first time.
    fn start() -> Start {
        Start::Now
    }

    /// Which instances an event concerns.
    fn correlate(event: &Recorded<Self::Event>) -> Vec<Correlation>;

    /// Takes an event in, and decides what follows. Pure: the time comes from the flow.
    fn on(&mut self, event: &Recorded<Self::Event>, flow: &mut Flow);

    /// A command that was sent was refused by the domain. Unless this is written otherwise, the flow is
    /// compensated.
    fn refused(&mut self, refusal: &Refusal<'_>, flow: &mut Flow) {
        flow.compensate(refusal.to_string());
    }

    /// A command that was sent was executed. Most flows listen to the events that follow from it instead.
    fn done(&mut self, _command: &str, _flow: &mut Flow) {}

    /// A deadline has come. Unless this is written otherwise, the flow is compensated.
    fn due(&mut self, deadline: &str, flow: &mut Flow) {
        flow.compensate(format!("`{deadline}` has come"));
    }

    /// Everything that was done is undone, for this reason: what is sent here is the last of a flow that is
    /// compensated, whether the domain has refused something, its time was over, or a person has cancelled it. An order
    /// is rejected here. Nothing else that is decided here has an effect, and a refusal changes nothing any more.
    fn undone(&self, _reason: &str, _flow: &mut Flow) {}
}
