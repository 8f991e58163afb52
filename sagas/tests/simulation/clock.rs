//! The store's clock: the paused one, and now and then it jumps.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use annals_core::Clock;
use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

pub(crate) struct Paused {
    begun: Instant,
    ahead: Mutex<SignedDuration>,
}

impl Paused {
    pub(crate) fn new() -> Self {
        Self { begun: Instant::now(), ahead: Mutex::default() }
    }

    /// From now on it shows so much more.
    pub(crate) fn jump(&self, by: Duration) {
        let by = SignedDuration::try_from(by).expect("a jump is short");
        *self.ahead.lock().unwrap_or_else(PoisonError::into_inner) += by;
    }
}

impl Clock for Paused {
    fn now(&self) -> Timestamp {
        let passed =
            SignedDuration::try_from(self.begun.elapsed()).expect("a world's life is short");
        let begun = Timestamp::constant(1_000_000_000, 0);
        begun + passed + *self.ahead.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
