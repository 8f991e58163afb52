//! How often what goes wrong between members and their store.

use std::time::Duration;

use crate::random::Random;

/// Odds in a thousand, for every call of a member.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Weather {
    delayed: u64,
    delayed_long: u64,
    fails: u64,
    loses_reply: u64,
    runs_twice: u64,
    pub(crate) loses_wake_up: u64,
    /// The store is not there at all.
    pub(crate) store_is_down: bool,
}

/// What becomes of one call.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Fate {
    pub(crate) before: Duration,
    pub(crate) after: Duration,
    pub(crate) is_long: bool,
    pub(crate) fails: bool,
    pub(crate) loses_reply: bool,
    pub(crate) runs_twice: bool,
}

impl Weather {
    /// Nothing goes wrong, and everything takes no time.
    pub(crate) fn fair() -> Self {
        Self::default()
    }

    /// One of many climates.
    pub(crate) fn of(random: &mut Random) -> Self {
        let often = |random: &mut Random| *random.pick(&[0, 3, 10, 30, 80]);
        Self {
            delayed: *random.pick(&[0, 50, 200, 500]),
            delayed_long: *random.pick(&[0, 0, 2, 10]),
            fails: often(random),
            loses_reply: often(random),
            runs_twice: often(random),
            loses_wake_up: *random.pick(&[0, 100, 500, 1000]),
            store_is_down: false,
        }
    }

    pub(crate) fn fate(&self, random: &mut Random, lease: Duration) -> Fate {
        let ms = |n| Duration::from_millis(n);
        let mut fate = Fate::default();
        if random.chance(self.delayed) {
            (fate.before, fate.after) = (ms(random.below(30)), ms(random.below(30)));
        }
        if random.chance(self.delayed_long) {
            let long = ms(random.below(2 * lease.as_millis() as u64));
            fate.is_long = true;
            match random.chance(500) {
                true => fate.before = long,
                false => fate.after = long,
            }
        }
        fate.fails = random.chance(self.fails);
        fate.loses_reply = random.chance(self.loses_reply);
        fate.runs_twice = random.chance(self.runs_twice);
        fate
    }
}
