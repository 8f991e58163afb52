//! The saga that runs programs.

use std::time::Duration;

use annals_consumers::Start;
use annals_core::Recorded;
use annals_sagas::{Commands, Correlation, Flow, Refusal, Saga};

use crate::domain::{Do, Fact, Undo};
use crate::program::{Act, Program, Told};

/// Where a flow stands in its program.
#[derive(Debug, Default, Clone, PartialEq)]
pub(crate) struct Flows {
    program: Option<Program>,
    at: usize,
    /// The nodes it came by, with what it was told there.
    trail: Vec<(usize, String)>,
}

/// Which flows an event concerns, and whether it begins them; the second says whether those that have begun
/// already are told it.
pub(crate) fn concerned(fact: &Fact) -> (&[u64], bool, bool) {
    match fact {
        Fact::Begun { flows, again, .. } => (flows, true, *again),
        Fact::Happened { flows } | Fact::Did { flows, .. } => (flows, false, true),
        Fact::Undid { .. } | Fact::Locked | Fact::Unlocked => (&[], false, true),
    }
}

impl Flows {
    fn enter(&mut self, node: usize, flow: &mut Flow) {
        self.at = node;
        let acts = self.program.iter().flat_map(|program| &program.nodes[node].acts);
        for act in acts {
            match act {
                Act::Send { place, key, undone, silent, flows } => {
                    let (key, flows, silent) = (*key, flows.clone(), *silent);
                    let sent = flow.send(place, &Do { key, flows, silent });
                    if *undone {
                        sent.undone_by(place, &Undo { key });
                    }
                }
                Act::Wake { deadline, after_ms } => {
                    flow.wake_after(format!("d{deadline}"), Duration::from_millis(*after_ms));
                }
                Act::CallOff { deadline } => flow.call_off(format!("d{deadline}")),
                Act::Complete => flow.complete(),
                Act::Compensate => flow.compensate("its program says so"),
            }
        }
    }

    /// Whether there is a way for what it was told.
    fn goes(&mut self, told: Told, what: String, flow: &mut Flow) -> bool {
        self.trail.push((self.at, what));
        let ways = self.program.iter().flat_map(|program| &program.nodes[self.at].ways);
        let way = ways.into_iter().find(|(on, _)| *on == told).map(|(_, node)| *node);
        way.inspect(|node| self.enter(*node, flow)).is_some()
    }
}

impl Saga for Flows {
    type Event = Fact;
    const NAME: &'static str = "sim";
    const WITHIN: Duration = Duration::from_secs(60);
    const PARTITIONS: u32 = 2;

    fn commands() -> Commands {
        Commands::of::<Do>().and::<Undo>()
    }

    fn start() -> Start {
        Start::Beginning
    }

    fn correlate(event: &Recorded<Fact>) -> Vec<Correlation> {
        let (flows, begins, again) = concerned(&event.data);
        let each = flows.iter().map(|flow| match (begins, again) {
            (true, false) => Correlation::start(flow),
            (true, true) => Correlation::start_or_continue(flow),
            (false, _) => Correlation::continues(flow),
        });
        each.collect()
    }

    fn on(&mut self, event: &Recorded<Fact>, flow: &mut Flow) {
        match &event.data {
            Fact::Begun { program, .. } if self.program.is_none() => {
                self.program = Some(program.clone());
                self.enter(0, flow);
            }
            _ => {
                self.goes(Told::Event, event.id.to_string(), flow);
            }
        }
    }

    fn done(&mut self, command: &str, flow: &mut Flow) {
        self.goes(Told::Done, command.to_owned(), flow);
    }

    fn refused(&mut self, refusal: &Refusal<'_>, flow: &mut Flow) {
        let goes = self.goes(Told::Refused, refusal.reason().to_owned(), flow);
        let stubborn = self.program.as_ref().is_some_and(|program| program.stubborn);
        if !goes && !stubborn {
            flow.compensate(refusal.to_string());
        }
    }

    fn due(&mut self, deadline: &str, flow: &mut Flow) {
        self.goes(Told::Due, deadline.to_owned(), flow);
    }
}
