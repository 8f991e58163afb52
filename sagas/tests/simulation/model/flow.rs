//! One flow, step by step.

use std::collections::{BTreeMap, BTreeSet};

use annals_sagas::{Decided, Errand, Input, OVERALL, Outcome, REMINDER, Saga, Steer, Step};
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::{Said, Says};
use crate::cover::{Cover, Happened};
use crate::flows::Flows;

/// Where a flow stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    New,
    Running,
    Completing,
    Compensating,
    /// The number of the command that could not be undone.
    Stuck(u64),
    Completed,
    Compensated,
}

/// A command of a flow.
#[derive(Debug)]
pub(crate) struct Command {
    pub(crate) errand: Errand,
    pub(crate) undo: Option<Errand>,
    /// The number of the command that it undoes.
    pub(crate) of: Option<u64>,
    /// The event by which it was sent.
    pub(crate) sent_by: Option<Uuid>,
    /// Whether it was done, as far as the flow knows.
    pub(crate) done: Option<bool>,
}

/// What a flow was told, and what it has decided.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) name: String,
    pub(crate) phase: Phase,
    pub(crate) steps: Vec<Step>,
    /// By number.
    pub(crate) commands: BTreeMap<u64, Command>,
    pub(crate) deadlines: BTreeMap<String, Timestamp>,
    /// The events that it was told, with their positions, in the order in which it was told them.
    pub(crate) events: Vec<(Uuid, u64)>,
    /// The numbers of commands that a person has undone.
    pub(crate) resolved: BTreeSet<u64>,
}

fn expect(holds: bool, what: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(what()) }
}

impl Phase {
    pub(crate) fn is_open(self) -> bool {
        !matches!(self, Self::New | Self::Completed | Self::Compensated)
    }

    /// In the crate's words.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Running => "running",
            Self::Completing => "completing",
            Self::Compensating => "compensating",
            Self::Stuck(_) => "stuck",
            Self::Completed => "completed",
            Self::Compensated => "compensated",
        }
    }
}

impl Told {
    pub(crate) fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            phase: Phase::New,
            steps: Vec::new(),
            commands: BTreeMap::new(),
            deadlines: BTreeMap::new(),
            events: Vec::new(),
            resolved: BTreeSet::new(),
        }
    }

    /// The event follows by which a command is sent that a step has decided.
    pub(super) fn sends(&mut self, number: u64, errand: &Errand, id: Uuid) -> Result<(), String> {
        let before = self.commands.range(..number).all(|(_, command)| command.sent_by.is_some());
        let command = self.commands.get_mut(&number);
        let command =
            command.filter(|command| command.errand == *errand && command.sent_by.is_none());
        let command =
            command.ok_or_else(|| format!("command {number} is sent, and not decided"))?;
        command.sent_by = Some(id);
        expect(before, || format!("command {number} is sent before those that were decided before"))
    }

    /// It takes a step.
    pub(super) fn step(
        &mut self,
        step: Step,
        said: &BTreeMap<Uuid, Said>,
        cover: &mut Cover,
    ) -> Result<(), String> {
        cover.count(Happened::Step);
        let unsent = self.commands.values().filter(|command| command.sent_by.is_none()).count();
        expect(unsent == 0, || {
            format!("{unsent} commands were decided, and not sent with their step")
        })?;
        expect(self.phase == Phase::New || self.phase.is_open(), || {
            format!("a step after it was {}: {step:?}", self.phase.word())
        })?;
        let before = self.phase;
        self.hear(&step, said, cover).map_err(|why| format!("{why}: {:?}", step.input))?;
        for decided in &step.decided {
            self.decide(decided, &step, cover).map_err(|why| format!("{why}: {step:?}"))?;
        }
        let refused = matches!(step.input, Input::Refused { .. });
        if refused && before == Phase::Running && self.phase == Phase::Running {
            cover.count(Happened::Heeded);
        }
        self.rests(before, &step).map_err(|why| format!("{why}: {step:?}"))?;
        self.steps.push(step);
        Ok(())
    }

    /// What it is told is true, was not told it before, and is told in the order of the log.
    fn hear(
        &mut self,
        step: &Step,
        said: &BTreeMap<Uuid, Said>,
        cover: &mut Cover,
    ) -> Result<(), String> {
        let begins = self.phase == Phase::New;
        if let Input::Due { deadline, at } = &step.input {
            expect(step.told_by.is_none() && !begins, || "a deadline is no event".to_owned())?;
            expect(step.at >= *at, || format!("fired at {}, before it was due", step.at))?;
            let set = self.deadlines.remove(deadline);
            expect(set == Some(*at), || format!("fired, but it was set for {set:?}"))?;
            cover.count(match deadline.as_str() {
                OVERALL => Happened::Overall,
                REMINDER => Happened::Reminded,
                _ => Happened::Due,
            });
            if step.at.duration_since(*at) >= SignedDuration::from_secs(5) {
                cover.count(Happened::DueLate);
            }
            return Ok(());
        }
        let id = step.told_by.ok_or("it was told by no event")?;
        let Said { position, to, says } =
            said.get(&id).ok_or("it was told by an event that is not there")?;
        expect(to.contains(&self.name), || "it was told what does not concern it".to_owned())?;
        expect(self.events.iter().all(|(known, _)| *known != id), || {
            "it was told twice".to_owned()
        })?;
        let last = self.last_event();
        expect(last < Some(*position), || {
            format!("it was told later what is at {last:?} of the log")
        })?;
        self.events.push((id, *position));
        match (&step.input, says) {
            (Input::Event(event), Says::Fact { begins: may_begin, again }) => {
                expect(event.id == id && event.position == *position, || {
                    "another event".to_owned()
                })?;
                expect(if begins { *may_begin } else { *again }, || {
                    "it does not wait for it".to_owned()
                })?;
                if begins {
                    cover.count(Happened::Begun);
                    self.phase = Phase::Running;
                }
            }
            (Input::Done { command }, Says::Replied { number, done: true })
                if command == number =>
            {
                self.replied(*command, true, cover)?;
            }
            (Input::Refused { command, .. }, Says::Replied { number, done: false })
                if command == number =>
            {
                self.replied(*command, false, cover)?;
            }
            (Input::Steered(steer), Says::Steered(said)) if steer == said => {
                self.steered(steer, cover)?;
            }
            _ => return Err(format!("the event says {says:?}")),
        }
        Ok(())
    }

    fn replied(&mut self, number: u64, done: bool, cover: &mut Cover) -> Result<(), String> {
        let completing = self.phase == Phase::Completing;
        let command = self.commands.get_mut(&number).ok_or("a reply to no command")?;
        expect(command.done.is_none(), || format!("a second reply to {number}"))?;
        command.done = Some(done);
        if done && command.of.is_some() {
            cover.count(Happened::Undone);
        }
        if !done && completing {
            cover.count(Happened::RefusedLate);
        }
        Ok(())
    }

    fn steered(&mut self, steer: &Steer, cover: &mut Cover) -> Result<(), String> {
        let (happened, resolves) = match (steer, self.phase) {
            (Steer::Cancel { .. }, _) => {
                cover.count(Happened::Cancelled);
                return Ok(());
            }
            (Steer::Retry { .. }, Phase::Stuck(_)) => (Happened::Retried, None),
            (Steer::Resolve { .. }, Phase::Stuck(of)) => (Happened::Resolved, Some(of)),
            _ => return Err(format!("it is not stuck but {}", self.phase.word())),
        };
        cover.count(happened);
        self.resolved.extend(resolves);
        self.phase = Phase::Compensating;
        Ok(())
    }

    fn decide(&mut self, decided: &Decided, step: &Step, cover: &mut Cover) -> Result<(), String> {
        let (phase, waits) = (self.phase, self.waits());
        let allowed = match decided {
            Decided::Send { errand, undo } => {
                self.add(errand, undo.clone(), None);
                phase == Phase::Running
            }
            Decided::Undo { of, errand } => {
                let next = self.to_be_undone();
                let undo = next.and_then(|next| self.commands[&next].undo.clone());
                let fits = next == Some(*of) && undo.as_ref() == Some(errand);
                self.add(errand, None, Some(*of));
                phase == Phase::Compensating && !waits && fits
            }
            Decided::Wake { deadline, at } => {
                let moved = self.deadlines.insert(deadline.clone(), *at).is_some();
                cover.count_all(Happened::Moved, moved.into());
                match deadline.as_str() {
                    OVERALL => {
                        let within = SignedDuration::try_from(Flows::WITHIN).unwrap_or_default();
                        self.steps.is_empty() && *at == step.at + within
                    }
                    REMINDER => !moved && matches!(phase, Phase::Compensating | Phase::Stuck(_)),
                    _ => phase == Phase::Running,
                }
            }
            Decided::CallOff { deadline } => {
                let set = self.deadlines.remove(deadline).is_some();
                cover.count_all(Happened::CalledOff, set.into());
                phase == Phase::Running
            }
            Decided::Complete => {
                self.phase = Phase::Completing;
                phase == Phase::Running
            }
            Decided::Compensate { .. } => {
                self.phase = Phase::Compensating;
                self.deadlines.clear();
                matches!(phase, Phase::Running | Phase::Completing)
            }
            Decided::Stuck { command, .. } => {
                cover.count(Happened::Stuck);
                let of = self.commands.get(command).and_then(|command| command.of);
                let of = of.ok_or("it is stuck at a command that undoes nothing")?;
                self.phase = Phase::Stuck(of);
                let refused =
                    matches!(&step.input, Input::Refused { command: told, .. } if told == command);
                phase == Phase::Compensating && refused
            }
            Decided::End { outcome: Outcome::Completed } => {
                cover.count(Happened::Completed);
                self.phase = Phase::Completed;
                self.deadlines.clear();
                phase == Phase::Completing && !waits
            }
            Decided::End { outcome: Outcome::Compensated } => {
                cover.count(Happened::Compensated);
                self.phase = Phase::Compensated;
                self.deadlines.clear();
                phase == Phase::Compensating && !waits && self.to_be_undone().is_none()
            }
        };
        expect(allowed, || {
            let next = self.to_be_undone();
            format!(
                "decided {decided:?} while it was {}; next to be undone: {next:?}",
                phase.word()
            )
        })
    }

    /// After a step it stands where it can stand.
    fn rests(&self, before: Phase, step: &Step) -> Result<(), String> {
        let (phase, waits) = (self.phase, self.waits());
        let goes_back = !matches!(phase, Phase::Running | Phase::Completing | Phase::Completed);
        let must_go_back = match &step.input {
            Input::Due { deadline, .. } => deadline == OVERALL,
            Input::Steered(_) => true,
            Input::Refused { command, .. } => {
                let undoes = self.commands[command].of.is_some();
                let stuck = matches!(phase, Phase::Stuck(_));
                expect(!undoes || stuck, || {
                    "an undoing was refused, and it is not stuck".to_owned()
                })?;
                before == Phase::Completing
            }
            _ => false,
        };
        let went_back = matches!(before, Phase::Compensating | Phase::Stuck(_));
        expect(goes_back || !(must_go_back || went_back), || {
            "it goes on where it must go back".to_owned()
        })?;
        let rests = waits || !matches!(phase, Phase::Completing | Phase::Compensating);
        expect(rests, || format!("it is {} and waits for nothing", phase.word()))?;
        let woken = !self.deadlines.is_empty();
        expect(woken == phase.is_open(), || format!("its deadlines are {:?}", self.deadlines))
    }

    fn add(&mut self, errand: &Errand, undo: Option<Errand>, of: Option<u64>) {
        let (number, errand) = (self.commands.len() as u64 + 1, errand.clone());
        self.commands.insert(number, Command { errand, undo, of, sent_by: None, done: None });
    }

    /// Whether a reply is to come.
    fn waits(&self) -> bool {
        self.commands.values().any(|command| command.done.is_none())
    }

    /// The last command that was done and can be undone, and was not.
    fn to_be_undone(&self) -> Option<u64> {
        let done = self.commands.iter().rev().filter(|(_, command)| {
            command.of.is_none() && command.done == Some(true) && command.undo.is_some()
        });
        let mut numbers = done.map(|(number, _)| *number);
        numbers.find(|number| {
            let undone =
                |command: &Command| command.of == Some(*number) && command.done == Some(true);
            !self.resolved.contains(number) && !self.commands.values().any(undone)
        })
    }

    /// The position of the last event that it was told.
    pub(super) fn last_event(&self) -> Option<u64> {
        self.events.last().map(|(_, position)| *position)
    }
}
