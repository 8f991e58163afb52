//! What a saga may decide.

use std::collections::BTreeSet;
use std::time::Duration;

use annals_core::{EARLIEST_TIME, LATEST_TIME};
use jiff::Timestamp;

use crate::decision::{Decided, Errand};
use crate::ledger::later;
use crate::sendable::Sendable;

/// What a saga decides on an input is collected here. Nothing of it happens before it stands in the saga's
/// stream.
#[derive(Debug)]
pub struct Flow {
    now: Timestamp,
    /// The changes of the program that the step which is told again knew.
    known: Option<BTreeSet<String>>,
    pub(crate) patches: BTreeSet<String>,
    pub(crate) decided: Vec<Decided>,
    pub(crate) completes: bool,
    /// What was asked for and cannot be.
    pub(crate) mistake: Option<String>,
}

impl Flow {
    pub(crate) fn new(now: Timestamp, known: Option<BTreeSet<String>>) -> Self {
        let (patches, decided) = (BTreeSet::new(), Vec::new());
        Self { now, known, patches, decided, completes: false, mistake: None }
    }

    /// The time of the step, by the store's clock.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// Sends a command to an aggregate. It is executed once, whatever crashes on the way; whether the domain
    /// has refused it is told by [`refused`](crate::Saga::refused). The commands of an instance are executed one
    /// after the other, each after the reply to the one before stands in the log, unless one is sent
    /// [beside](Sent::beside) it.
    pub fn send<C: Sendable>(&mut self, id: &C::Id, command: &C) -> Sent<'_> {
        if let Some(errand) = self.errand(id, command) {
            self.send_errand(errand);
        }
        Sent { flow: self }
    }

    /// Wakes the instance after a while by the store's clock, in place of the deadline of this name, if it
    /// has one.
    pub fn wake_after(&mut self, deadline: impl Into<String>, after: Duration) {
        self.wake_at(deadline, later(self.now, after));
    }

    /// Wakes the instance at a time by the store's clock, in place of the deadline of this name, if it has
    /// one. A time that is over wakes it at once.
    pub fn wake_at(&mut self, deadline: impl Into<String>, at: Timestamp) {
        // As far as stores keep times.
        let at = at.clamp(EARLIEST_TIME, LATEST_TIME);
        self.decided.push(Decided::Wake { deadline: deadline.into(), at });
    }

    /// Calls a deadline off. That there is none is no mistake.
    pub fn call_off(&mut self, deadline: impl Into<String>) {
        self.decided.push(Decided::CallOff { deadline: deadline.into() });
    }

    /// The flow has come to its end. If a command that was sent is refused after that, it is compensated all
    /// the same.
    pub fn complete(&mut self) {
        self.completes = true;
    }

    /// Undoes what was done, the last first. From here on nothing else that the saga decides has an effect.
    pub fn compensate(&mut self, reason: impl Into<String>) {
        self.decided.push(Decided::Compensate { reason: reason.into() });
    }

    /// Whether a change of the program holds for this step: always in steps that are taken for the first time,
    /// and where a step is told again, if it was so then. Steps that were taken by the program before go on
    /// as they went.
    pub fn patched(&mut self, change: &str) -> bool {
        let holds = self.known.as_ref().is_none_or(|known| known.contains(change));
        if holds {
            self.patches.insert(change.to_owned());
        }
        holds
    }

    /// Sends what was a command before.
    pub(crate) fn send_errand(&mut self, errand: Errand) {
        self.decided.push(Decided::Send { errand, undo: None });
    }

    fn errand<C: Sendable>(&mut self, id: &C::Id, command: &C) -> Option<Errand> {
        match Errand::of(id, command) {
            Ok(errand) => Some(errand),
            Err(error) => {
                self.mistake.get_or_insert(format!(
                    "the command `{}` cannot be written as JSON: {error}",
                    C::NAME
                ));
                None
            }
        }
    }
}

/// A command that is to be sent.
#[derive(Debug)]
pub struct Sent<'f> {
    flow: &'f mut Flow,
}

impl Sent<'_> {
    /// Does not wait for the reply to the command before it, which was sent in the same step: for commands that
    /// do not depend on one another. Those for one aggregate are executed in order all the same.
    ///
    /// ```
    /// # use annals_sagas::{Flow, Sendable};
    /// # #[derive(serde::Serialize)] struct Reserve { order: u32 }
    /// # impl Sendable for Reserve {
    /// #     type Id = String;
    /// #     const CATEGORY: &'static str = "product";
    /// #     const NAME: &'static str = "reserve";
    /// # }
    /// fn reserve(products: &[String], order: u32, flow: &mut Flow) {
    ///     for product in products {
    ///         flow.send(product, &Reserve { order }).beside();
    ///     }
    /// }
    /// ```
    pub fn beside(self) -> Self {
        if let Some(Decided::Send { errand, .. }) = self.flow.decided.last_mut() {
            errand.beside = true;
        }
        self
    }

    /// Remembers what undoes the command, should the flow be compensated after it was done.
    pub fn undone_by<C: Sendable>(self, id: &C::Id, command: &C) {
        let by = self.flow.errand(id, command);
        // What could not be sent is a mistake, which is told.
        if let Some(Decided::Send { undo, .. }) = self.flow.decided.last_mut() {
            *undo = by;
        }
    }
}
