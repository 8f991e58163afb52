//! The life of an instance as a text.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;

use crate::ledger::{Ledger, Phase};
use crate::step::Step;
use crate::words;

/// How wide a time is, to the microsecond.
const TIME: usize = 27;

/// The life of an instance as a text: of each step when it was taken, what the instance was told, and below
/// that what was decided; at the end what it waits for. Values of events and commands are not in it.
///
/// ```
/// # use std::time::Duration;
/// # use annals_core::*;
/// # use annals_sagas::*;
/// # #[derive(Event)]
/// # #[event(name = "order.placed", crate = annals_core)]
/// # struct Placed;
/// # #[derive(Default)]
/// # struct Delivery;
/// # impl Saga for Delivery {
/// #     type Event = Placed;
/// #     const NAME: &'static str = "delivery";
/// #     const WITHIN: Duration = Duration::from_secs(3600);
/// #     fn commands() -> Commands { Commands::default() }
/// #     fn correlate(event: &Recorded<Placed>) -> Vec<Correlation> { vec![Correlation::start(event.stream.id())] }
/// #     fn on(&mut self, _: &Recorded<Placed>, flow: &mut Flow) { flow.complete() }
/// # }
/// # let placed = NewEvent::of(&Placed)?;
/// # let stream = StreamId::parse("order-17")?;
/// # let placed = placed.record(stream, StreamVersion::new(1), Position::new(4), "2026-03-02T09:00:00Z".parse()?);
/// let mut instance = Instance::<Delivery>::default();
/// let step = instance.take(Input::Event(HappenedEvent::of(&placed)?), placed.recorded_at)?;
/// assert_eq!(
///     Timeline::of(&[step]).lines(),
///     [
///         "1  2026-03-02T09:00:00Z         order.placed of order-17, version 1, position 4",
///         "     sets the deadline `(overall)` until 2026-03-02T10:00:00Z",
///         "     is complete, as soon as every command is done",
///         "     ends: completed",
///     ]
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timeline {
    lines: Vec<String>,
}

impl Timeline {
    /// The life of an instance with these steps, the oldest first: all that there are.
    pub fn of(steps: &[Step]) -> Self {
        let width = steps.len().to_string().len();
        let mut told = Telling { ledger: Ledger::default(), sent: BTreeMap::new(), lines: vec![] };
        for (step, number) in steps.iter().zip(1..) {
            told.step(step, number, width);
        }
        told.waits();
        Self { lines: told.lines }
    }

    /// Its lines. None has a line break in it, or another control character.
    pub fn lines(&self) -> &[String] {
        &self.lines
    }
}

impl fmt::Display for Timeline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.lines.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}

struct Telling {
    ledger: Ledger,
    /// When commands were sent, by number.
    sent: BTreeMap<u64, Timestamp>,
    lines: Vec<String>,
}

impl Telling {
    fn step(&mut self, step: &Step, number: usize, width: usize) {
        let Step { at, input, decided, .. } = step;
        let told = words::told(input, *at, &self.ledger);
        let time = at.to_string();
        self.line(&format!("{number:>width$}  {time:<TIME$}  {told}"));
        let mut next = self.ledger.sent() + 1;
        for one in decided {
            self.line(&format!("{:width$}    {}", "", words::decided(one, next)));
            if one.errand().is_some() {
                self.sent.insert(next, *at);
                next += 1;
            }
        }
        if let Err(why) = self.ledger.fold(step) {
            self.line(&format!("{:width$}    does not fit the steps before it: {why}", ""));
        }
    }

    /// What it waits for.
    fn waits(&mut self) {
        let mut lines = Vec::new();
        for (number, errand) in self.ledger.waits_for() {
            let since = self.sent.get(&number).copied().unwrap_or_default();
            lines.push(format!("waits for #{number} {} since {since}", words::name(errand)));
        }
        if let Phase::Stuck { command, refusal, .. } = self.ledger.phase() {
            let command = words::numbered(*command, &self.ledger);
            lines.push(format!("waits for a person: {command} was refused: {refusal}"));
        }
        for (deadline, at) in self.ledger.deadlines() {
            lines.push(format!("is woken by `{deadline}` at {at}"));
        }
        lines.iter().for_each(|line| self.line(line));
    }

    fn line(&mut self, text: &str) {
        self.lines.push(words::on_one_line(text));
    }
}
