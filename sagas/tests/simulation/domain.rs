//! What flows are about: places where things are done and undone, which refuse as they like.

use annals_core::{Aggregate, Apply, Command, Decide, DecisionContext, Event};
use serde::{Deserialize, Serialize};

use crate::program::Program;

/// Everything that happens but for what sagas write.
#[derive(Event, Debug, Clone, PartialEq)]
#[event(prefix = "sim", crate = annals_core)]
pub(crate) enum Fact {
    /// Flows begin, all with the same program.
    Begun {
        flows: Vec<u64>,
        /// Whether it is an event like others for those that have begun already.
        again: bool,
        program: Program,
    },
    /// Something that concerns flows, whether or not they ever began.
    Happened { flows: Vec<u64> },
    /// A command was executed.
    Did { key: u64, flows: Vec<u64> },
    /// A command that undoes another was executed.
    Undid { key: u64 },
    /// A place refuses everything.
    Locked,
    /// It does not any more.
    Unlocked,
}

/// Why something is refused.
#[derive(Debug, thiserror::Error)]
pub(crate) enum No {
    #[error("the place is locked")]
    Locked,
    #[error("not at the moment")]
    NotNow,
}

#[derive(Aggregate, Default)]
#[aggregate(category = "place", id = u64, event = Fact, error = No, crate = annals_core)]
pub(crate) struct Place {
    done: u64,
    locked: bool,
}

impl Apply for Place {
    fn apply(&mut self, event: &Fact) {
        match event {
            Fact::Did { .. } => self.done += 1,
            Fact::Locked => self.locked = true,
            Fact::Unlocked => self.locked = false,
            _ => {}
        }
    }
}

/// Does something, unless the place is locked, or in another mood: what it says depends on when it is asked.
#[derive(Debug, Command, Serialize, Deserialize)]
#[command(aggregate = Place, crate = annals_core)]
pub(crate) struct Do {
    pub(crate) key: u64,
    /// Whom the event concerns.
    pub(crate) flows: Vec<u64>,
    /// It leads to no event.
    pub(crate) silent: bool,
}

/// Undoes it, unless the place is locked, or in another mood.
#[derive(Debug, Command, Serialize, Deserialize)]
#[command(aggregate = Place, crate = annals_core)]
pub(crate) struct Undo {
    pub(crate) key: u64,
}

impl Decide<Do> for Place {
    fn decide(&self, command: &Do, _: &DecisionContext) -> Result<Vec<Fact>, No> {
        let Do { key, flows, silent } = command;
        match (self.locked, (self.done + key) % 11) {
            (true, _) => Err(No::Locked),
            (_, 0) => Err(No::NotNow),
            _ if *silent => Ok(Vec::new()),
            _ => Ok(vec![Fact::Did { key: *key, flows: flows.clone() }]),
        }
    }
}

impl Decide<Undo> for Place {
    fn decide(&self, command: &Undo, _: &DecisionContext) -> Result<Vec<Fact>, No> {
        match (self.locked, (self.done + command.key) % 7) {
            (true, _) => Err(No::Locked),
            (_, 0) => Err(No::NotNow),
            _ => Ok(vec![Fact::Undid { key: command.key }]),
        }
    }
}
