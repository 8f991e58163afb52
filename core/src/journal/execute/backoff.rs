//! The pauses between attempts.

use std::time::Duration;

use uuid::Uuid;

use crate::journal::JournalOptions;

/// Pauses that grow, each drawn between nothing and its limit, so that those who met once do not
/// meet again.
pub(super) struct Backoff {
    limit: Duration,
    pauses: u32,
}

impl Backoff {
    /// As the options say.
    pub(super) fn new(options: &JournalOptions) -> Self {
        Self { limit: options.backoff, pauses: 0 }
    }

    /// Never without a pause, for a store that may be gone for a while.
    pub(super) fn patient(options: &JournalOptions) -> Self {
        Self { limit: options.backoff.max(Duration::from_millis(1)), pauses: 0 }
    }

    /// How many pauses there were.
    pub(super) fn pauses(&self) -> u32 {
        self.pauses
    }

    /// Waits.
    pub(super) async fn pause(&mut self) {
        let limit = self.limit.saturating_mul(1 << self.pauses.min(20));
        self.pauses = self.pauses.saturating_add(1);
        // The last 32 bits of a UUID of version 7 are random.
        let random = f64::from(Uuid::now_v7().as_u128() as u32) / f64::from(u32::MAX);
        tokio::time::sleep(limit.min(JournalOptions::MAX_PAUSE).mul_f64(random)).await;
    }
}
