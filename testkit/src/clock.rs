//! Time that stands still until a test moves it.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use annals_core::Clock;
use jiff::Timestamp;

/// A clock that a test sets.
///
/// ```
/// use std::time::Duration;
///
/// use annals_core::Clock;
/// use annals_testkit::ManualClock;
///
/// let clock = ManualClock::at("2024-02-29T12:00:00Z".parse()?);
/// clock.advance(Duration::from_secs(60));
/// assert_eq!(clock.now(), "2024-02-29T12:01:00Z".parse()?);
/// # Ok::<(), jiff::Error>(())
/// ```
#[derive(Debug)]
pub struct ManualClock {
    now: Mutex<Timestamp>,
}

impl ManualClock {
    /// A clock that shows `now`.
    pub fn at(now: Timestamp) -> Self {
        Self { now: Mutex::new(now) }
    }

    /// Sets the clock, forwards or back.
    pub fn set(&self, now: Timestamp) {
        *self.now.lock().unwrap_or_else(PoisonError::into_inner) = now;
    }

    /// Moves the clock forwards.
    ///
    /// # Panics
    /// When there is no such time: jiff ends with the year 9999.
    pub fn advance(&self, by: Duration) {
        let mut now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        *now = now.checked_add(by).expect("the clock stays before the year 10000");
    }
}

impl Default for ManualClock {
    /// The first second of the year 2024, UTC.
    fn default() -> Self {
        Self::at(Timestamp::constant(1_704_067_200, 0))
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        *self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
