//! The pauses between attempts.

use std::sync::Arc;
use std::time::Duration;

use crate::aggregate::IdGenerator;
use crate::journal::JournalOptions;

/// Pauses that grow, and how many there were. Their randomness comes from the journal's ids, so that it is the
/// same where they are.
pub(super) struct Backoff {
    first: Duration,
    ids: Arc<dyn IdGenerator>,
    growing: Option<crate::Backoff>,
    pauses: u32,
}

impl Backoff {
    /// As the options say.
    pub(super) fn new(options: &JournalOptions) -> Self {
        Self::from(options, options.backoff)
    }

    /// Never without a pause, for a store that may be gone for a while.
    pub(super) fn patient(options: &JournalOptions) -> Self {
        Self::from(options, options.backoff.max(Duration::from_millis(1)))
    }

    fn from(options: &JournalOptions, first: Duration) -> Self {
        Self { first, ids: options.ids.clone(), growing: None, pauses: 0 }
    }

    /// How many pauses there were.
    pub(super) fn pauses(&self) -> u32 {
        self.pauses
    }

    /// Waits.
    pub(super) async fn pause(&mut self) {
        self.pauses = self.pauses.saturating_add(1);
        let (first, ids) = (self.first, &self.ids);
        let growing = self.growing.get_or_insert_with(|| {
            // The low half of a UUID of version 7 is random but for its variant.
            crate::Backoff::seeded(first, JournalOptions::MAX_PAUSE, ids.next().as_u128() as u64)
        });
        let pause = growing.next_pause();
        tokio::time::sleep(pause).await;
    }
}
