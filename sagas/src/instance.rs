//! An instance of a saga: its state and its ledger, folded from its own stream, and what it decides next.

use std::collections::BTreeSet;

use jiff::Timestamp;
use uuid::Uuid;

use crate::decision::Decided;
use crate::flow::Flow;
use crate::input::{Input, Steer};
use crate::ledger::{Ledger, OVERALL, Phase, REMINDER, later};
use crate::refusal::Refusal;
use crate::saga::Saga;
use crate::step::Step;

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

/// An instance of a saga.
#[derive(Debug, Default)]
pub struct Instance<S> {
    state: S,
    ledger: Ledger,
}

impl<S: Saga> Instance<S> {
    /// The state of the user's own.
    pub fn state(&self) -> &S {
        &self.state
    }

    /// What the rules that hold for every saga know of it.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Takes an input in and says what is decided on it. After an error nothing of the instance holds any
    /// more: fold it anew.
    ///
    /// # Errors
    /// [`InstanceError::Stray`] when the instance does not wait for it, [`InstanceError::Mistake`] for a fault
    /// of the saga's program.
    pub fn take(&mut self, input: Input, now: Timestamp) -> Result<Step, InstanceError> {
        self.decide(input, now, None)
    }

    /// Takes the input of a step in that was taken before, under the changes of the program that held for it
    /// then, and says what is decided on it now.
    ///
    /// # Errors
    /// As [`take`](Self::take).
    pub(crate) fn retake(&mut self, step: &Step) -> Result<Step, InstanceError> {
        self.decide(step.input.clone(), step.at, Some(step.patches.clone()))
    }

    fn decide(
        &mut self,
        input: Input,
        now: Timestamp,
        known: Option<BTreeSet<String>>,
    ) -> Result<Step, InstanceError> {
        let begins = *self.ledger.phase() == Phase::New;
        let mut flow = Flow::new(now, known);
        let steered = self.tell(&input, &mut flow)?;
        let mistake = flow.mistake.or_else(|| {
            let named = flow.decided.iter().find_map(reserved)?;
            Some(format!("`{named}` is no name for a deadline: it is the flow's own"))
        });
        if let Some(why) = mistake {
            return Err(InstanceError::Mistake { saga: S::NAME, why });
        }
        let mut decided = Vec::new();
        if begins {
            let (deadline, at) = (OVERALL.to_owned(), later(now, S::WITHIN));
            decided.push(Decided::Wake { deadline, at });
        }
        decided.extend(steered);
        decided.extend(flow.decided);
        // Whatever it was asked for before or after in the same step.
        decided.extend(flow.completes.then_some(Decided::Complete));
        let mut settled = Vec::with_capacity(decided.len());
        for one in decided {
            // While it is compensated, and at its end, the saga decides nothing any more.
            if self.ledger.heeds(&one) {
                self.ledger.settle(&one);
                settled.push(one);
            }
        }
        while let Some(next) = self.ledger.follows(now) {
            let last = self.last_words(&next, now)?;
            let next = if last.is_empty() { vec![next] } else { last };
            next.iter().for_each(|one| self.ledger.settle(one));
            settled.extend(next);
        }
        self.ledger.stepped(now);
        let told_by = None;
        Ok(Step {
            version: S::VERSION,
            at: now,
            told_by,
            input,
            patches: flow.patches,
            decided: settled,
        })
    }

    /// It was told something by an event of the log.
    pub(crate) fn heard(&mut self, event: Option<Uuid>) {
        self.ledger.heard(event);
    }

    /// What the saga sends last of all, when everything is undone and it would end.
    fn last_words(&self, next: &Decided, now: Timestamp) -> Result<Vec<Decided>, InstanceError> {
        let (Decided::End { .. }, Some(reason)) = (next, self.ledger.may_speak_last()) else {
            return Ok(Vec::new());
        };
        let mut flow = Flow::new(now, None);
        self.state.undone(reason, &mut flow);
        if let Some(why) = flow.mistake {
            return Err(InstanceError::Mistake { saga: S::NAME, why });
        }
        let sent = flow.decided.into_iter().filter_map(|one| match one {
            Decided::Send { errand, .. } => Some(Decided::Send { errand, undo: None }),
            _ => None,
        });
        Ok(sent.collect())
    }

    /// Takes a step in that was taken before.
    ///
    /// # Errors
    /// [`InstanceError::Unreadable`] when its event is unknown to this program.
    pub fn fold(&mut self, step: &Step) -> Result<(), InstanceError> {
        let mut flow = Flow::new(step.at, Some(step.patches.clone()));
        self.tell(&step.input, &mut flow).map_err(|error| InstanceError::Unreadable {
            saga: S::NAME,
            step: self.ledger.steps() + 1,
            why: error.to_string(),
        })?;
        step.decided.iter().for_each(|one| self.ledger.settle(one));
        self.ledger.heard(step.told_by);
        self.ledger.stepped(step.at);
        Ok(())
    }

    /// Tells the saga an input, and says what the rules that hold for every saga decide on it.
    fn tell(&mut self, input: &Input, flow: &mut Flow) -> Result<Vec<Decided>, InstanceError> {
        self.ledger.hear(input).map_err(InstanceError::Stray)?;
        let (state, ledger) = (&mut self.state, &self.ledger);
        let mut steered = Vec::new();
        match input {
            Input::Event(event) => {
                let event = event.read::<S::Event>().map_err(InstanceError::Stray)?;
                state.on(&event, flow);
            }
            Input::Done { command } => {
                if let Some(open) = ledger.command(*command).filter(|open| open.undoes.is_none()) {
                    state.done(&open.errand.command, flow);
                }
            }
            Input::Refused { command, reason } => match ledger.command(*command) {
                Some(open) if open.undoes.is_none() => {
                    let refusal = Refusal { errand: &open.errand, reason };
                    state.refused(&refusal, flow);
                    let gives_up = |one: &Decided| matches!(one, Decided::Compensate { .. });
                    if *ledger.phase() == Phase::Completing && !flow.decided.iter().any(gives_up) {
                        flow.compensate(refusal.to_string());
                    }
                }
                _ => {
                    let (command, reason) = (*command, reason.clone());
                    steered.push(Decided::Stuck { command, reason });
                }
            },
            Input::Due { deadline, .. } => match deadline.as_str() {
                OVERALL => steered.push(Decided::Compensate {
                    reason: format!("it has not ended within {:?}", S::WITHIN),
                }),
                REMINDER => {}
                _ => state.due(deadline, flow),
            },
            Input::Steered(Steer::Cancel { by, reason }) => steered
                .push(Decided::Compensate { reason: format!("{by} has cancelled it: {reason}") }),
            Input::Steered(Steer::Retry { .. } | Steer::Resolve { .. }) => {}
        }
        Ok(steered)
    }
}

/// The name of a deadline that a saga may not use.
fn reserved(decided: &Decided) -> Option<&str> {
    match decided {
        Decided::Wake { deadline, .. } | Decided::CallOff { deadline }
            if [OVERALL, REMINDER].contains(&deadline.as_str()) =>
        {
            Some(deadline)
        }
        _ => None,
    }
}
