//! Whether a call that failed is tried again, and after which pause.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use tokio::time::Instant;

use super::RetryOptions;
use crate::Fault;

/// The attempts of one call that may still be made.
pub(super) struct Attempts {
    idempotent: bool,
    /// When the call has to have ended.
    until: Option<Instant>,
    pauses: <ExponentialBuilder as BackoffBuilder>::Backoff,
}

/// Why a call that failed is not tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum GiveUp {
    /// It would be answered the same.
    Answered,
    /// It may have been done, and must not be done twice.
    Unsafe,
    /// It was tried as often as allowed.
    Attempts,
    /// The deadline comes before the pause ends.
    Deadline,
    /// All calls together have tried again too often.
    Budget,
}

impl Attempts {
    pub(super) fn new(options: &RetryOptions, idempotent: bool, until: Option<Instant>) -> Self {
        // Jitter adds up to as much again.
        let pauses = ExponentialBuilder::new()
            .with_min_delay(options.first_pause / 2)
            .with_max_delay(options.longest_pause.max(options.first_pause) / 2)
            .with_max_times(options.attempts.saturating_sub(1) as usize)
            .with_jitter();
        Self { idempotent, until, pauses: pauses.build() }
    }

    /// The pause before the next attempt. The budget is asked last: what is not tried costs nothing.
    pub(super) fn next(
        &mut self,
        fault: Fault,
        now: Instant,
        budget: impl FnOnce() -> bool,
    ) -> Result<Duration, GiveUp> {
        match fault {
            Fault::Answer => return Err(GiveUp::Answered),
            Fault::Unknown if !self.idempotent => return Err(GiveUp::Unsafe),
            Fault::Unknown | Fault::NotDone => {}
        }
        let pause = self.pauses.next().ok_or(GiveUp::Attempts)?;
        if self.until.is_some_and(|until| until.saturating_duration_since(now) <= pause) {
            return Err(GiveUp::Deadline);
        }
        if budget() { Ok(pause) } else { Err(GiveUp::Budget) }
    }
}

impl GiveUp {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Unsafe => "unsafe",
            Self::Attempts => "attempts",
            Self::Deadline => "deadline",
            Self::Budget => "budget",
        }
    }
}
