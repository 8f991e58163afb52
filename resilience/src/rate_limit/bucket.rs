//! A bucket of tokens, each of which comes back a period after its use. A bucket that trickles full would
//! let twice as many through in a period: all it holds, and then all it gains.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

/// When tokens are used: in the last period, or later by those who wait. In order.
#[derive(Debug)]
pub(super) struct Bucket {
    tokens: usize,
    period: Duration,
    used: VecDeque<Instant>,
}

impl Bucket {
    pub(super) fn new(tokens: usize, period: Duration) -> Self {
        Self { tokens, period, used: VecDeque::new() }
    }

    /// Takes a token for the first moment when one is free.
    ///
    /// # Errors
    /// When that is later than `patience` from now, which takes none: how long it is until then.
    pub(super) fn take(&mut self, now: Instant, patience: Duration) -> Result<Instant, Duration> {
        while self.used.front().is_some_and(|used| *used + self.period <= now) {
            self.used.pop_front();
        }
        let before = self.used.len().checked_sub(self.tokens).map(|at| self.used[at]);
        let free = before.map_or(now, |used| (used + self.period).max(now));
        if free - now > patience {
            return Err(free - now);
        }
        // Behind those of its time: after a token was given back there may be later ones.
        let place = self.used.partition_point(|used| *used <= free);
        self.used.insert(place, free);
        Ok(free)
    }

    /// Somebody does not wait any more for the time they were given.
    pub(super) fn give_back(&mut self, free: Instant) {
        if let Ok(place) = self.used.binary_search(&free) {
            self.used.remove(place);
        }
    }
}
