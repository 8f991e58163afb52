//! What stands in a timer of a saga.

use std::ops::Range;

use annals_consumers::Timer;
use annals_core::Slice;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A deadline of an instance.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Alarm {
    pub(crate) instance: String,
    pub(crate) deadline: String,
    /// When it is due. The timer itself may be tried again later.
    pub(crate) at: Timestamp,
}

impl Alarm {
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
