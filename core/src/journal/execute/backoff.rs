//! The pauses between attempts.

use std::time::Duration;

use crate::journal::JournalOptions;

/// Pauses that grow, and how many there were.
pub(super) struct Backoff {
    growing: crate::Backoff,
    pauses: u32,
}

impl Backoff {
    /// As the options say.
    pub(super) fn new(options: &JournalOptions) -> Self {
        Self::from(options.backoff)
    }

    /// Never without a pause, for a store that may be gone for a while.
    pub(super) fn patient(options: &JournalOptions) -> Self {
        Self::from(options.backoff.max(Duration::from_millis(1)))
    }

    fn from(first: Duration) -> Self {
        Self { growing: crate::Backoff::new(first, JournalOptions::MAX_PAUSE), pauses: 0 }
    }

    /// How many pauses there were.
    pub(super) fn pauses(&self) -> u32 {
        self.pauses
    }

    /// Waits.
    pub(super) async fn pause(&mut self) {
        self.pauses = self.pauses.saturating_add(1);
        tokio::time::sleep(self.growing.next_pause()).await;
    }
}
