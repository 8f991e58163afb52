//! A flow over many aggregates.

use std::time::Duration;

use annals_consumers::Start;
use annals_core::{Event, Recorded};

use crate::commands::Commands;
use crate::correlation::Correlation;
use crate::flow::Flow;
use crate::refusal::Refusal;

/// A flow over many aggregates that always ends: in success, or with everything undone that was done. It is
/// told events, replies to the commands it has sent, and deadlines, one after the other, and decides what
/// follows. Nothing else is known to it: the same inputs lead to the same state and the same decisions, so that
/// an instance can be folded from its own stream.
///
/// Sagas are from Garcia-Molina and Salem, *Sagas* (1987); that one object decides for a whole flow is the
/// process manager of Hohpe and Woolf, *Enterprise Integration Patterns* (2003).
pub trait Saga: Default + Send + Sync + 'static {
    /// The events it listens to. They may be of several aggregates.
    type Event: Event;

    /// A stable name, at most 40 characters. Its instances' streams are of the category `saga.<name>`.
    const NAME: &'static str;

    /// Raise it when the program changes what it decides, so that people see which version an instance was
    /// begun by. Instances go on under the newest: see [`Flow::patched`].
    const VERSION: u32 = 1;

    /// How long a flow may take in all, by the store's clock. What has not ended by then is compensated.
    const WITHIN: Duration;

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
}
