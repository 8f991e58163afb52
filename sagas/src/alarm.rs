//! What stands in a timer of a saga.

use std::ops::Range;

use annals_consumers::{ConsumeError, Timer};
use annals_core::{LATEST_TIME, Slice};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// A step that fails is tried again after 1, 2, 4, … seconds, up to four minutes.
const MOST_DOUBLINGS: u32 = 8;

/// A deadline of an instance.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Alarm {
    pub(crate) instance: String,
    pub(crate) deadline: String,
    /// When it is due. The timer itself may be tried again later.
    pub(crate) at: Timestamp,
    /// How often its step has failed.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(crate) attempts: u32,
    /// Why it failed last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands it over so")]
fn is_zero(attempts: &u32) -> bool {
    *attempts == 0
}

impl Alarm {
    /// A deadline that was not tried yet.
    pub(crate) fn new(instance: &str, deadline: &str, at: Timestamp) -> Self {
        let (instance, deadline) = (instance.to_owned(), deadline.to_owned());
        Self { instance, deadline, at, attempts: 0, reason: None }
    }

    /// The timer by which it is tried again after its step has failed once more: later each time.
    ///
    /// # Errors
    /// When it cannot be written as JSON.
    pub(crate) fn again(
        self,
        now: Timestamp,
        why: &ConsumeError,
    ) -> Result<Timer, serde_json::Error> {
        let pause = SignedDuration::from_secs(1 << self.attempts.min(MOST_DOUBLINGS));
        let due_at = now.saturating_add(pause).unwrap_or(LATEST_TIME);
        let attempts = self.attempts.saturating_add(1);
        let failed = Self { attempts, reason: Some(why.reason()), ..self };
        Ok(Timer { due_at, ..failed.timer()? })
    }

    /// Its timer.
    ///
    /// # Errors
    /// When it cannot be written as JSON.
    pub(crate) fn timer(&self) -> Result<Timer, serde_json::Error> {
        let (key, due_at) = (Self::key(&self.instance, &self.deadline), self.at);
        Ok(Timer { key, due_at, body: serde_json::to_string(self)? })
    }

    /// What tells its timer from the saga's others: it begins with the slice of the instance, so that each
    /// partition finds its own.
    pub(crate) fn key(instance: &str, deadline: &str) -> String {
        format!("{:04}/{instance}/{deadline}", Slice::of(instance).get())
    }

    /// Between which keys the timers of an instance stand. Those of instances whose names go on behind a slash
    /// stand there, too: the body says whose a timer is.
    pub(crate) fn keys(instance: &str) -> Range<String> {
        let slice = Slice::of(instance).get();
        // Behind the slash comes the zero.
        format!("{slice:04}/{instance}/")..format!("{slice:04}/{instance}0")
    }

    /// Between which keys the timers of slices stand.
    pub(crate) fn of_slices(slices: &Range<u16>) -> Range<String> {
        format!("{:04}", slices.start)..format!("{:04}", slices.end)
    }
}
