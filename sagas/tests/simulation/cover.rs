//! What has happened over all seeds. A simulator that never meets a fault is a check that cannot fail.

use std::fmt;

macro_rules! cover {
    ($($name:ident: $text:literal,)+) => {
        /// What may happen in a world.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Happened {
            $(#[doc = $text] $name,)+
        }

        const NAMES: &[&str] = &[$($text),+];
    };
}

cover! {
    Together: "worlds with log and workspace in one",
    Apart: "worlds with log and workspace apart",
    Failed: "calls that will fail",
    RequestLost: "requests that will be lost",
    ReplyLost: "replies that will be lost",
    Doubled: "appends that will be sent twice",
    Frozen: "members frozen",
    FrozenLong: "members frozen beyond their lease",
    Killed: "members dropped without a stop",
    Stopped: "members stopped in order",
    Started: "members started",
    Jumped: "jumps of the clock",
    Cut: "re-partitions asked for",
    Looked: "times that all was compared while it went on",
    Begun: "flows begun",
    Completed: "flows completed",
    Compensated: "flows compensated",
    Step: "steps",
    Stray: "events that no flow was told",
    Done: "commands done",
    Refused: "commands refused",
    Heeded: "refusals that a flow has gone on from",
    RefusedLate: "refusals after a flow was complete",
    Undone: "commands undone",
    Due: "deadlines fired",
    DueLate: "deadlines fired five seconds late or more",
    Overall: "flows whose time was over",
    Reminded: "reminders",
    CalledOff: "deadlines called off",
    Moved: "deadlines moved",
    Stuck: "times a flow was stuck",
    Cancelled: "flows cancelled",
    Retried: "undoings retried by a person",
    Resolved: "undoings resolved by a person",
    TooLate: "times a person was heard too late",
}

/// How often each has happened.
#[derive(Debug, Clone)]
pub(crate) struct Cover(Vec<u64>);

impl Default for Cover {
    fn default() -> Self {
        Self(vec![0; NAMES.len()])
    }
}

impl Cover {
    pub(crate) fn count(&mut self, what: Happened) {
        self.count_all(what, 1);
    }

    pub(crate) fn count_all(&mut self, what: Happened, times: u64) {
        self.0[what as usize] += times;
    }

    pub(crate) fn add(&mut self, other: &Self) {
        for (sum, more) in self.0.iter_mut().zip(&other.0) {
            *sum += more;
        }
    }

    /// What never happened.
    pub(crate) fn missing(&self) -> Vec<&'static str> {
        let counts = NAMES.iter().zip(&self.0);
        counts.filter(|(_, count)| **count == 0).map(|(name, _)| *name).collect()
    }
}

impl fmt::Display for Cover {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        NAMES.iter().zip(&self.0).try_for_each(|(name, count)| writeln!(f, "{count:>12} {name}"))
    }
}
