//! What has happened lately: how many calls there were, and how many of them are marked.

use std::time::Duration;

use tokio::time::Instant;

const SLOTS: usize = 10;

/// Calls, and how many of them are marked: failed ones, or retries.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Count {
    pub(crate) calls: u64,
    pub(crate) marked: u64,
}

/// The count of a window that ends now. It moves on in tenths: nothing older than the window is counted,
/// and everything of the last nine tenths is.
#[derive(Debug)]
pub(crate) struct Sliding {
    tenth: Duration,
    start: Instant,
    current: u64,
    slots: [Count; SLOTS],
}

impl Sliding {
    pub(crate) fn new(window: Duration, now: Instant) -> Self {
        let tenth = (window / SLOTS as u32).max(Duration::from_millis(1));
        Self { tenth, start: now, current: 0, slots: [Count::default(); SLOTS] }
    }

    /// Where to count what happens now.
    pub(crate) fn now(&mut self, now: Instant) -> &mut Count {
        let passed = now.saturating_duration_since(self.start).as_nanos() / self.tenth.as_nanos();
        let passed = u64::try_from(passed).unwrap_or(u64::MAX);
        for past in 1..=passed.saturating_sub(self.current).min(SLOTS as u64) {
            self.slots[((self.current + past) % SLOTS as u64) as usize] = Count::default();
        }
        // Two threads may have looked at the clock in the other order: time does not go back.
        self.current = self.current.max(passed);
        &mut self.slots[(self.current % SLOTS as u64) as usize]
    }

    /// All that has happened in the window that ends now.
    pub(crate) fn total(&mut self, now: Instant) -> Count {
        self.now(now);
        self.slots.iter().fold(Count::default(), |sum, slot| Count {
            calls: sum.calls + slot.calls,
            marked: sum.marked + slot.marked,
        })
    }
}
