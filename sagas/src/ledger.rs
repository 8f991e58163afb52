//! What the rules that hold for every saga know of an instance: what it has sent, what became of that, and when
//! it is woken. It follows from the steps alone, so that whoever looks at a store needs no program of the saga.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use annals_core::LATEST_TIME;
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use crate::decision::{Decided, Errand, Outcome};
use crate::input::{Input, Steer};
use crate::step::Step;

/// The name of the deadline by which a flow must have ended. No saga may use it.
pub const OVERALL: &str = "(overall)";

/// The name of the deadline that brings an instance to mind which is not compensated yet. No saga may use it.
pub const REMINDER: &str = "(reminder)";

/// After how long an instance is brought to mind that is not compensated yet, again and again.
const REMIND_AFTER: Duration = Duration::from_secs(3600);

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

impl Phase {
    /// The words for those phases in which an instance has not ended.
    pub const OPEN: [&'static str; 4] = ["running", "completing", "compensating", "stuck"];

    /// In a word or two.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Running => "running",
            Self::Completing => "completing",
            Self::Compensating { .. } => "compensating",
            Self::Stuck { .. } => "stuck",
            Self::Ended(Outcome::Completed) => "completed",
            Self::Ended(Outcome::Compensated) => "compensated",
        }
    }
}

/// A command that was sent.
#[derive(Debug, Clone)]
pub(crate) struct Open {
    pub(crate) errand: Errand,
    undo: Option<Errand>,
    /// The number of the command that it undoes.
    pub(crate) undoes: Option<u64>,
    fate: Fate,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Waiting,
    Done,
    Refused,
}

/// What is known of an instance.
#[derive(Debug, Clone)]
pub struct Ledger {
    steps: u64,
    phase: Phase,
    /// By number, from 1.
    commands: BTreeMap<u64, Open>,
    /// The numbers of commands whose undoing was begun, and was not refused without a way out.
    undone: BTreeSet<u64>,
    /// Whether the last commands of a flow that is compensated were sent.
    has_spoken: bool,
    deadlines: BTreeMap<String, Timestamp>,
    /// The events of the log that it was told.
    heard: BTreeSet<Uuid>,
    /// Of the last step.
    at: Timestamp,
}

impl Default for Ledger {
    fn default() -> Self {
        Self {
            steps: 0,
            phase: Phase::New,
            commands: BTreeMap::new(),
            undone: BTreeSet::new(),
            has_spoken: false,
            deadlines: BTreeMap::new(),
            heard: BTreeSet::new(),
            at: Timestamp::UNIX_EPOCH,
        }
    }
}

impl Ledger {
    /// Where it stands.
    pub fn phase(&self) -> &Phase {
        &self.phase
    }

    /// How many steps it has taken.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// When it took the last.
    pub fn last_step_at(&self) -> Timestamp {
        self.at
    }

    /// When it is woken, by the names of its deadlines.
    pub fn deadlines(&self) -> &BTreeMap<String, Timestamp> {
        &self.deadlines
    }

    /// How many commands it has sent.
    pub fn sent(&self) -> u64 {
        self.commands.len() as u64
    }

    /// The commands whose replies are to come, by number.
    pub fn waits_for(&self) -> impl Iterator<Item = (u64, &Errand)> {
        let waiting = self.commands.iter().filter(|(_, open)| open.fate == Fate::Waiting);
        waiting.map(|(number, open)| (*number, &open.errand))
    }

    /// Takes a step in that was taken before.
    ///
    /// # Errors
    /// Why it does not fit those before it.
    pub fn fold(&mut self, step: &Step) -> Result<(), String> {
        self.hear(&step.input)?;
        step.decided.iter().for_each(|one| self.settle(one));
        self.heard(step.told_by);
        self.stepped(step.at);
        Ok(())
    }

    /// Whether it has heard of an event of the log.
    pub fn has_heard(&self, event: Uuid) -> bool {
        self.heard.contains(&event)
    }

    pub(crate) fn heard(&mut self, event: Option<Uuid>) {
        self.heard.extend(event);
    }

    pub(crate) fn stepped(&mut self, at: Timestamp) {
        self.steps += 1;
        self.at = at;
    }

    /// Hears an input, before the saga does.
    ///
    /// # Errors
    /// Why the instance does not wait for it; nothing is changed then.
    pub(crate) fn hear(&mut self, input: &Input) -> Result<(), String> {
        if let Phase::Ended(_) = self.phase {
            return Err(format!("the instance has ended: it was {}", self.phase.as_str()));
        }
        match input {
            Input::Event(_) if self.phase == Phase::New => self.phase = Phase::Running,
            Input::Event(_) | Input::Steered(Steer::Cancel { .. }) => {}
            Input::Done { command } => self.replied(*command, Fate::Done)?,
            Input::Refused { command, .. } => self.replied(*command, Fate::Refused)?,
            Input::Due { deadline, at } => {
                if self.deadlines.get(deadline) != Some(at) {
                    return Err(format!("the deadline `{deadline}` was called off, or moved"));
                }
                self.deadlines.remove(deadline);
            }
            Input::Steered(steer) => {
                let Phase::Stuck { reason, command, .. } = &self.phase else {
                    return Err("no command that undoes another was refused".to_owned());
                };
                let undoes = self.commands.get(command).and_then(|open| open.undoes);
                if let (Steer::Retry { .. }, Some(number)) = (steer, undoes) {
                    self.undone.remove(&number);
                }
                self.phase = Phase::Compensating { reason: reason.clone() };
            }
        }
        Ok(())
    }

    /// A command that was sent.
    pub(crate) fn command(&self, number: u64) -> Option<&Open> {
        self.commands.get(&number)
    }

    fn replied(&mut self, command: u64, fate: Fate) -> Result<(), String> {
        match self.commands.get_mut(&command) {
            Some(open) if open.fate == Fate::Waiting => {
                open.fate = fate;
                Ok(())
            }
            _ => Err(format!("no command {command} waits for a reply")),
        }
    }

    /// Whether something that is decided has an effect where the flow stands.
    pub(crate) fn heeds(&self, decided: &Decided) -> bool {
        let reminds =
            matches!(decided, Decided::Wake { deadline, .. } if deadline.as_str() == REMINDER);
        match (&self.phase, decided) {
            (Phase::Running, Decided::Stuck { .. }) => false,
            (Phase::Running, _) | (Phase::Completing, Decided::Compensate { .. }) => true,
            (Phase::Compensating { .. }, Decided::Stuck { .. }) => true,
            (Phase::Compensating { .. } | Phase::Stuck { .. }, _) => reminds,
            _ => false,
        }
    }

    /// What follows by itself.
    pub(crate) fn follows(&self, now: Timestamp) -> Option<Decided> {
        let is_over = matches!(self.phase, Phase::Compensating { .. } | Phase::Stuck { .. });
        if is_over && !self.deadlines.contains_key(REMINDER) {
            let deadline = REMINDER.to_owned();
            return Some(Decided::Wake { deadline, at: later(now, REMIND_AFTER) });
        }
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

    /// Why the flow is compensated, as long as it has not sent its last commands.
    pub(crate) fn may_speak_last(&self) -> Option<&str> {
        match &self.phase {
            Phase::Compensating { reason } if !self.has_spoken => Some(reason),
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
    pub(crate) fn settle(&mut self, decided: &Decided) {
        match decided {
            Decided::Send { errand, undo } => {
                self.has_spoken |= matches!(self.phase, Phase::Compensating { .. });
                self.send(errand, undo.clone(), None);
            }
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
        let number = self.sent() + 1;
        let fate = Fate::Waiting;
        self.commands.insert(number, Open { errand: errand.clone(), undo, undoes, fate });
    }
}

/// A time so much later, as far as stores keep times.
pub(crate) fn later(time: Timestamp, by: Duration) -> Timestamp {
    let by = SignedDuration::try_from(by).unwrap_or(SignedDuration::MAX);
    time.saturating_add(by).unwrap_or(LATEST_TIME).min(LATEST_TIME)
}
