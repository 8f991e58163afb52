//! How many retries all calls together may make.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::sliding::Sliding;

/// How many retries all calls together may make, as Finagle has it: a part of the calls, and a few per second
/// for those who make few calls. When the other side is down, retries then add that part to its load, and
/// do not multiply it. Clones share what they have.
///
/// ```
/// use std::time::Duration;
/// use annals_resilience::RetryBudget;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let budget = RetryBudget::new(0.2, 0.0, Duration::from_secs(10));
/// for _ in 0..10 {
///     budget.call();
/// }
/// assert!(budget.retry() && budget.retry(), "two of ten");
/// assert!(!budget.retry());
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct RetryBudget(Arc<Mutex<Budget>>);

impl RetryBudget {
    /// Retries up to `ratio` of the calls that began in the last `window`, and `per_second` more: 0.2 is one retry for
    /// five calls.
    pub fn new(ratio: f64, per_second: f64, window: Duration) -> Self {
        Self(Arc::new(Mutex::new(Budget::new(ratio, per_second, window, Instant::now()))))
    }

    /// A call begins, with whatever attempts it will have.
    pub fn call(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).call(Instant::now());
    }

    /// Whether one more retry may be made, which is then counted.
    pub fn retry(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).retry(Instant::now())
    }
}

impl Default for RetryBudget {
    /// A fifth of the calls of the last 10 s, and one per second.
    fn default() -> Self {
        Self::new(0.2, 1.0, Duration::from_secs(10))
    }
}

#[derive(Debug)]
pub(super) struct Budget {
    ratio: f64,
    /// Retries in a window that need no calls.
    reserve: f64,
    lately: Sliding,
}

impl Budget {
    pub(super) fn new(ratio: f64, per_second: f64, window: Duration, now: Instant) -> Self {
        let reserve = per_second.max(0.0) * window.as_secs_f64();
        Self { ratio: ratio.max(0.0), reserve, lately: Sliding::new(window, now) }
    }

    pub(super) fn call(&mut self, now: Instant) {
        self.lately.now(now).calls += 1;
    }

    pub(super) fn retry(&mut self, now: Instant) -> bool {
        let lately = self.lately.total(now);
        let allowed = self.ratio * lately.calls as f64 + self.reserve;
        // A hair of tolerance: 0.1 times 30 is a little more than 3, and 0.7 times 10 a little less than 7.
        let may = (lately.marked + 1) as f64 <= allowed + 1e-6;
        if may {
            self.lately.now(now).marked += 1;
        }
        may
    }
}
