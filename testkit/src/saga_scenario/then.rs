//! What is expected of what was decided.

use std::fmt::Debug;
use std::time::Duration;

use annals_sagas::{Decided, Errand, Outcome, Saga, Sendable};
use jiff::Timestamp;

use super::SagaScenario;
use super::report::words;

impl<S: Saga> SagaScenario<S>
where
    S::Event: Debug + PartialEq,
{
    /// A command is sent to an aggregate.
    ///
    /// # Panics
    /// With the story, when something else was decided, or nothing more.
    #[track_caller]
    pub fn then_sends<C: Sendable>(self, id: &C::Id, command: &C) -> Self {
        let wanted = Decided::Send { errand: errand(id, command), undo: None };
        let is = |decided: &Decided| match (decided, &wanted) {
            // Whether it waits for the one before is no matter of what is sent.
            (Decided::Send { errand, .. }, Decided::Send { errand: wanted, .. }) => {
                *errand == Errand { beside: errand.beside, ..wanted.clone() }
            }
            _ => false,
        };
        self.expect(&words(&wanted), is)
    }

    /// A command is sent that undoes another.
    ///
    /// # Panics
    /// As [`then_sends`](Self::then_sends).
    #[track_caller]
    pub fn then_undoes<C: Sendable>(self, id: &C::Id, command: &C) -> Self {
        let wanted = errand(id, command);
        let is = |decided: &Decided| matches!(decided, Decided::Undo { errand, .. } if *errand == wanted);
        let Errand { command, category, id, body, .. } = &wanted;
        self.expect(&format!("undoes a command by `{command}` of {category}-{id}: {body}"), is)
    }

    /// It is woken after a while.
    ///
    /// # Panics
    /// As [`then_sends`](Self::then_sends).
    #[track_caller]
    pub fn then_wakes_in(self, deadline: &str, after: Duration) -> Self {
        let at = self.now.checked_add(after).expect("the clock stays before the year 10000");
        self.then_wakes_at(deadline, at)
    }

    /// It is woken at a time.
    ///
    /// # Panics
    /// As [`then_sends`](Self::then_sends).
    #[track_caller]
    pub fn then_wakes_at(self, deadline: &str, at: Timestamp) -> Self {
        self.then(&Decided::Wake { deadline: deadline.to_owned(), at })
    }

    /// A deadline is called off.
    ///
    /// # Panics
    /// As [`then_sends`](Self::then_sends).
    #[track_caller]
    pub fn then_calls_off(self, deadline: &str) -> Self {
        self.then(&Decided::CallOff { deadline: deadline.to_owned() })
    }

    /// The flow is compensated, for a reason that has these words in it.
    ///
    /// # Panics
    /// As [`then_sends`](Self::then_sends).
    #[track_caller]
    pub fn then_compensates(self, reason: &str) -> Self {
        let is = |decided: &Decided| matches!(decided, Decided::Compensate { reason: why } if why.contains(reason));
        self.expect(&format!("is compensated, because … {reason} …"), is)
    }

    /// The flow has come to its end: as soon as every reply is there, or at once if none is to come.
    ///
    /// # Panics
    /// As [`then_sends`](Self::then_sends).
    #[track_caller]
    pub fn then_completes(self) -> Self {
        let mut completes = self.then(&Decided::Complete);
        let end = Decided::End { outcome: Outcome::Completed };
        let last = &mut completes.last;
        if last.decided.get(last.next) == Some(&end) {
            last.next += 1;
        }
        completes
    }

    /// The instance has ended, and everything was done.
    ///
    /// # Panics
    /// As [`then_sends`](Self::then_sends).
    #[track_caller]
    pub fn then_completed(self) -> Self {
        self.then(&Decided::End { outcome: Outcome::Completed })
    }

    /// The instance has ended, and everything that was done was undone.
    ///
    /// # Panics
    /// As [`then_sends`](Self::then_sends).
    #[track_caller]
    pub fn then_compensated(self) -> Self {
        self.then(&Decided::End { outcome: Outcome::Compensated })
    }

    /// A command that undoes another was refused, and the instance waits for a person.
    ///
    /// # Panics
    /// As [`then_sends`](Self::then_sends).
    #[track_caller]
    pub fn then_stuck(self) -> Self {
        self.expect("is stuck", |decided| matches!(decided, Decided::Stuck { .. }))
    }

    /// Nothing more is decided, and the input was no stray.
    ///
    /// # Panics
    /// With the story, when something is.
    #[track_caller]
    pub fn then_nothing(self) -> Self {
        self.goes_on();
        self
    }

    /// Whatever is decided.
    ///
    /// # Panics
    /// With the story, when the input was a stray, or for other instances.
    #[track_caller]
    pub fn then_whatever(mut self) -> Self {
        self.last.next = self.last.decided.len();
        self.goes_on();
        self
    }

    /// The input is for nobody, for a reason that has these words in it: its instance has never begun, has begun
    /// already, has ended, or does not wait for it.
    ///
    /// # Panics
    /// With the story, when the instance takes it.
    #[track_caller]
    pub fn then_stray(mut self, why: &str) -> Self {
        match self.last.stray.take() {
            Some(actual) if actual.contains(why) => self,
            _ => panic!("{}", self.report(&format!("- it is a stray: … {why} …\n"))),
        }
    }

    /// The event concerns exactly these instances, in this order. One of a scenario's own is told it; that it is told
    /// to others only is expected by this, too.
    ///
    /// # Panics
    /// With the story, when it concerns others.
    #[track_caller]
    pub fn then_concerns<I: ToString>(mut self, instances: impl IntoIterator<Item = I>) -> Self {
        let wanted: Vec<String> = instances.into_iter().map(|one| one.to_string()).collect();
        if self.last.concerns != wanted {
            let concerns = &self.last.concerns;
            panic!(
                "{}",
                self.report(&format!(
                    "- the event concerns {wanted:?}\n+ the event concerns {concerns:?}\n"
                ))
            );
        }
        self.last.is_ignored = false;
        self
    }

    #[track_caller]
    fn then(self, wanted: &Decided) -> Self {
        self.expect(&words(wanted), |decided| decided == wanted)
    }

    /// The next thing that was decided is this.
    #[track_caller]
    fn expect(mut self, wanted: &str, is: impl Fn(&Decided) -> bool) -> Self {
        let left = &self.last.decided[self.last.next..];
        let found = match left {
            [first, ..] if is(first) => Some(1),
            // That it is compensated is seen by what follows from it.
            [Decided::Compensate { .. }, second, ..] if is(second) => Some(2),
            _ => None,
        };
        match found {
            Some(taken) => {
                self.last.next += taken;
                self
            }
            None => panic!("{}", self.report(&self.missing(wanted))),
        }
    }
}

impl<S: Saga> SagaScenario<S> {
    /// Goes on to the next input, or ends: nothing may be left over.
    #[track_caller]
    pub(super) fn goes_on(&self) {
        let last = &self.last;
        if last.next < last.decided.len() || last.stray.is_some() || last.is_ignored {
            panic!("{}", self.report(&self.missing("decides nothing more")));
        }
    }

    fn missing(&self, wanted: &str) -> String {
        let last = &self.last;
        let mut text = format!("- it {wanted}\n");
        for decided in &last.decided[last.next..] {
            text.push_str(&format!("+ it {}\n", words(decided)));
        }
        if let Some(why) = &last.stray {
            text.push_str(&format!("+ it is a stray: {why}\n"));
        } else if last.is_ignored {
            let others = &last.concerns;
            text.push_str(&format!("+ the event is for other instances: {others:?}\n"));
        } else if last.next == last.decided.len() {
            text.push_str("+ it decides nothing more\n");
        }
        text
    }
}

#[track_caller]
fn errand<C: Sendable>(id: &C::Id, command: &C) -> Errand {
    match Errand::of(id, command) {
        Ok(errand) => errand,
        Err(error) => panic!("the command `{}` cannot be written as JSON: {error}", C::NAME),
    }
}
