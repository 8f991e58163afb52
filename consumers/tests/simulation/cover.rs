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
    Committed: "transactions committed",
    Delayed: "calls delayed",
    DelayedLong: "calls delayed for about a lease",
    FailedBefore: "calls failed before",
    LostReply: "replies lost, the effect in place",
    RunTwice: "transactions rolled back by the store and run again",
    BrokenInside: "transactions broken off in the middle",
    StoreDown: "restarts of the store",
    ClockSet: "store's clock set a minute on or back",
    Refused: "contact lost, noticed at once",
    Silent: "contact lost in silence",
    WakeUpLost: "wake-ups lost",
    Frozen: "members frozen",
    FrozenLong: "members frozen beyond their lease",
    Killed: "members killed",
    Dropped: "engines dropped without a stop",
    Stopped: "members stopped in order",
    StopBrokenOff: "stops that broke work off",
    Started: "members started",
    TakenOver: "partitions taken over from the dead",
    GivenBack: "partitions given back",
    Fenced: "commits refused by a fence",
    Effect: "effects",
    EffectAgain: "effects outside that came again",
    AtOnce: "several events of a key delivered at once",
    TakenApart: "several events taken apart",
    EffectOfStale: "effects outside of one who had lost the partition",
    Part: "batches written in part",
    Parked: "keys parked",
    Skipped: "events skipped",
    SetAside: "events set aside behind their key",
    FailedAgain: "parked keys that failed again",
    Healed: "parked keys healed",
    Discarded: "events discarded",
    Cut: "re-partitions begun",
    CutDone: "re-partitions finished",
    CutRefused: "re-partitions refused",
    Paused: "consumers paused",
    Resumed: "consumers resumed",
    Answered: "requests answered",
    Panicked: "handlers that panicked",
    Hung: "handlers that hung",
    Blocked: "handlers blocked",
    Poisoned: "poison",
    Failing: "handlers that failed",
    OpenFailed: "handlers that did not open",
    StoodStill: "consumers that stood still",
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
        self.0[what as usize] += 1;
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
