//! An instance of a saga: what is known of it, folded from its own stream, and what it decides next.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use crate::decision::{Decided, Errand, Outcome};
use crate::flow::Flow;
use crate::input::Input;
use crate::refusal::Refusal;
use crate::saga::Saga;
use crate::step::Step;

/// The name of the deadline by which a flow must have ended. No other has its form.
pub const OVERALL: &str = "(overall)";

/// Where a flow stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Phase {
    /// Nothing has been told it yet.
    New,
    /// On its way.
    Running,
    /// At its end, but for commands whose replies are to come.
    Completing,
    /// What was done is being undone.
    Compensating {
        /// Why.
        reason: String,
    },
    /// A command that undoes another was refused: a person has to act.
    Stuck {
        /// Why the flow is compensated.
        reason: String,
        /// The number of the command that was refused.
        command: u64,
        /// Why it was refused.
        refusal: String,
    },
    /// At its end.
    Ended(Outcome),
}

/// Why an input cannot be taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InstanceError {
    /// It is for an instance that has ended, or does not wait for it.
    #[error("{0}")]
    Stray(String),
    /// The saga has asked for what cannot be.
    #[error("the saga `{saga}`: {why}")]
    Mistake {
        /// The saga.
        saga: &'static str,
        /// What it asked for.
        why: String,
    },
    /// A step of the stream cannot be told again.
    #[error("step {step} of an instance of `{saga}` cannot be told again: {why}")]
    Unreadable {
        /// The saga.
        saga: &'static str,
        /// Which step, from 1.
        step: u64,
        /// Why not.
        why: String,
    },
}

/// A command that was sent.
#[derive(Debug, Clone)]
struct Open {
    errand: Errand,
    undo: Option<Errand>,
    /// The number of the command that it undoes.
    undoes: Option<u64>,
    fate: Fate,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Waiting,
    Done,
    Refused,
}

/// An instance of a saga.
#[derive(Debug)]
pub struct Instance<S> {
    state: S,
    steps: u64,
    phase: Phase,
    /// By number, from 1.
    commands: BTreeMap<u64, Open>,
    /// The numbers of commands whose undoing was begun, and was not refused without a way out.
    undone: BTreeSet<u64>,
    deadlines: BTreeMap<String, Timestamp>,
}

impl<S: Saga> Default for Instance<S> {
    fn default() -> Self {
        Self {
            state: S::default(),
            steps: 0,
            phase: Phase::New,
            commands: BTreeMap::new(),
            undone: BTreeSet::new(),
            deadlines: BTreeMap::new(),
        }
    }
}

impl<S: Saga> Instance<S> {
    /// The state of the user's own.
    pub fn state(&self) -> &S {
        &self.state
    }

    /// Where it stands.
    pub fn phase(&self) -> &Phase {
        &self.phase
    }

    /// How many steps it has taken.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// When it is woken, by the names of its deadlines.
    pub fn deadlines(&self) -> &BTreeMap<String, Timestamp> {
        &self.deadlines
    }

    /// How many commands it has sent.
    pub(crate) fn sent(&self) -> u64 {
        self.commands.len() as u64
    }

    /// The commands whose replies are to come, by number.
    pub fn waits_for(&self) -> impl Iterator<Item = (u64, &Errand)> {
        let waiting = self.commands.iter().filter(|(_, open)| open.fate == Fate::Waiting);
        waiting.map(|(number, open)| (*number, &open.errand))
    }

    /// Takes an input in and says what is decided on it. After an error nothing of the instance holds any
    /// more: fold it anew.
    ///
    /// # Errors
    /// [`InstanceError::Stray`] when the instance does not wait for it, [`InstanceError::Mistake`] for a fault
    /// of the saga's program.
    pub fn take(&mut self, input: Input, now: Timestamp) -> Result<Step, InstanceError> {
        let begins = self.phase == Phase::New;
        let mut flow = Flow::new(now, None);
        let steered = self.tell(&input, &mut flow)?;
        if let Some(why) = flow.mistake {
            return Err(InstanceError::Mistake { saga: S::NAME, why });
        }
        if let Some(named) = flow.decided.iter().find_map(reserved) {
            let why = format!("`{named}` is no name for a deadline: it is the flow's own");
            return Err(InstanceError::Mistake { saga: S::NAME, why });
        }
        let mut decided = Vec::new();
        if begins {
            let within = SignedDuration::try_from(S::WITHIN).unwrap_or(SignedDuration::MAX);
            let at = now.saturating_add(within).unwrap_or(Timestamp::MAX);
            decided.push(Decided::Wake { deadline: OVERALL.to_owned(), at });
        }
        decided.extend(steered);
        decided.extend(flow.decided);
        // Whatever it was asked for before or after in the same step.
        decided.extend(flow.completes.then_some(Decided::Complete));
        let mut settled = Vec::with_capacity(decided.len());
        for one in decided {
            // While it is compensated, and at its end, the saga decides nothing any more.
            if self.heeds(&one) {
                self.settle(&one);
                settled.push(one);
            }
        }
        while let Some(next) = self.follows() {
            self.settle(&next);
            settled.push(next);
        }
        self.steps += 1;
        Ok(Step { version: S::VERSION, at: now, input, patches: flow.patches, decided: settled })
    }

    /// Takes a step in that was taken before.
    ///
    /// # Errors
    /// [`InstanceError::Unreadable`] when its event is unknown to this program.
    pub fn fold(&mut self, step: &Step) -> Result<(), InstanceError> {
        let mut flow = Flow::new(step.at, Some(step.patches.clone()));
        self.tell(&step.input, &mut flow).map_err(|error| InstanceError::Unreadable {
            saga: S::NAME,
            step: self.steps + 1,
            why: error.to_string(),
        })?;
        step.decided.iter().for_each(|one| self.settle(one));
        self.steps += 1;
        Ok(())
    }

    /// Tells the saga an input, and says what the rules that hold for every saga decide on it.
    fn tell(&mut self, input: &Input, flow: &mut Flow) -> Result<Vec<Decided>, InstanceError> {
        if let Phase::Ended(outcome) = self.phase {
            let how = match outcome {
                Outcome::Completed => "completed",
                Outcome::Compensated => "compensated",
            };
            return Err(InstanceError::Stray(format!("the instance has ended: it was {how}")));
        }
        let mut steered = Vec::new();
        match input {
            Input::Event(event) => {
                let event = event.read::<S::Event>().map_err(InstanceError::Stray)?;
                if self.phase == Phase::New {
                    self.phase = Phase::Running;
                }
                self.state.on(&event, flow);
            }
            Input::Done { command } => {
                let open = self.replied(*command, Fate::Done)?;
                match open.undoes {
                    Some(_) => {}
                    None => self.state.done(&open.errand.command, flow),
                }
            }
            Input::Refused { command, reason } => {
                let open = self.replied(*command, Fate::Refused)?;
                match open.undoes {
                    Some(_) => {
                        steered.push(Decided::Stuck { command: *command, reason: reason.clone() })
                    }
                    None => {
                        let refusal = Refusal { errand: &open.errand, reason };
                        self.state.refused(&refusal, flow);
                        let heard = |one: &Decided| matches!(one, Decided::Compensate { .. });
                        if self.phase == Phase::Completing && !flow.decided.iter().any(heard) {
                            flow.compensate(refusal.to_string());
                        }
                    }
                }
            }
            Input::Due { deadline, at } => {
                if self.deadlines.get(deadline) != Some(at) {
                    let why = format!("the deadline `{deadline}` was called off, or moved");
                    return Err(InstanceError::Stray(why));
                }
                self.deadlines.remove(deadline);
                match deadline == OVERALL {
                    true => steered.push(Decided::Compensate {
                        reason: format!("it has not ended within {:?}", S::WITHIN),
                    }),
                    false => self.state.due(deadline, flow),
                }
            }
            Input::Cancel { by, reason } => steered
                .push(Decided::Compensate { reason: format!("{by} has cancelled it: {reason}") }),
            Input::Retry { .. } | Input::Resolve { .. } => {
                let Phase::Stuck { reason, command, .. } = &self.phase else {
                    let why = "no command that undoes another was refused".to_owned();
                    return Err(InstanceError::Stray(why));
                };
                let undoes = self.commands.get(command).and_then(|open| open.undoes);
                if let (Input::Retry { .. }, Some(number)) = (input, undoes) {
                    self.undone.remove(&number);
                }
                self.phase = Phase::Compensating { reason: reason.clone() };
            }
        }
        Ok(steered)
    }

    /// A reply has come.
    fn replied(&mut self, command: u64, fate: Fate) -> Result<Open, InstanceError> {
        match self.commands.get_mut(&command) {
            Some(open) if open.fate == Fate::Waiting => {
                open.fate = fate;
                Ok(open.clone())
            }
            _ => Err(InstanceError::Stray(format!("no command {command} waits for a reply"))),
        }
    }

    /// Whether something that is decided has an effect where the flow stands.
    fn heeds(&self, decided: &Decided) -> bool {
        match (&self.phase, decided) {
            (Phase::Running, Decided::Stuck { .. }) => false,
            (Phase::Running, _) | (Phase::Completing, Decided::Compensate { .. }) => true,
            (Phase::Compensating { .. }, Decided::Stuck { .. }) => true,
            _ => false,
        }
    }

    /// What follows by itself.
    fn follows(&self) -> Option<Decided> {
        if self.waits_for().next().is_some() {
            return None;
        }
        match &self.phase {
            Phase::Completing => Some(Decided::End { outcome: Outcome::Completed }),
            Phase::Compensating { .. } => {
                Some(self.next_undo().unwrap_or(Decided::End { outcome: Outcome::Compensated }))
            }
            _ => None,
        }
    }

    /// What undoes the last command that was done and not undone.
    fn next_undo(&self) -> Option<Decided> {
        let mut done = self.commands.iter().rev();
        done.find_map(|(number, open)| {
            let stands = open.fate == Fate::Done && !self.undone.contains(number);
            let errand = open.undo.clone().filter(|_| stands)?;
            Some(Decided::Undo { of: *number, errand })
        })
    }

    /// Takes a decision in.
    fn settle(&mut self, decided: &Decided) {
        match decided {
            Decided::Send { errand, undo } => self.send(errand, undo.clone(), None),
            Decided::Undo { of, errand } => {
                self.undone.insert(*of);
                self.send(errand, None, Some(*of));
            }
            Decided::Wake { deadline, at } => {
                self.deadlines.insert(deadline.clone(), *at);
            }
            Decided::CallOff { deadline } => {
                self.deadlines.remove(deadline);
            }
            Decided::Complete => self.phase = Phase::Completing,
            Decided::Compensate { reason } => {
                self.phase = Phase::Compensating { reason: reason.clone() };
                self.deadlines.clear();
            }
            Decided::Stuck { command, reason: refusal } => {
                if let Phase::Compensating { reason } = &self.phase {
                    let (reason, refusal) = (reason.clone(), refusal.clone());
                    self.phase = Phase::Stuck { reason, command: *command, refusal };
                }
            }
            Decided::End { outcome } => {
                self.phase = Phase::Ended(*outcome);
                self.deadlines.clear();
            }
        }
    }

    fn send(&mut self, errand: &Errand, undo: Option<Errand>, undoes: Option<u64>) {
        let number = self.commands.len() as u64 + 1;
        let fate = Fate::Waiting;
        self.commands.insert(number, Open { errand: errand.clone(), undo, undoes, fate });
    }
}

/// The name of a deadline that a saga may not use.
fn reserved(decided: &Decided) -> Option<&str> {
    match decided {
        Decided::Wake { deadline, .. } | Decided::CallOff { deadline } if deadline == OVERALL => {
            Some(deadline)
        }
        _ => None,
    }
}
