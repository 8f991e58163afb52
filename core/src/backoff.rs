//! Pauses between attempts: they grow, and are of random length, so that those who stand in each
//! other's way do not meet again.

use std::time::Duration;

use uuid::Uuid;

/// Pauses between attempts: each is between a half and the whole of a time that doubles up to a
/// longest.
///
/// ```
/// use std::time::Duration;
/// use annals_core::Backoff;
///
/// let mut pauses = Backoff::new(Duration::from_millis(100), Duration::from_secs(1));
/// assert!((50..=100).contains(&pauses.next_pause().as_millis()));
/// assert!((100..=200).contains(&pauses.next_pause().as_millis()));
/// ```
#[derive(Debug, Clone)]
pub struct Backoff {
    first: Duration,
    longest: Duration,
    next: Duration,
    random: u64,
}

impl Backoff {
    /// Pauses that begin with `first`.
    pub fn new(first: Duration, longest: Duration) -> Self {
        // The low half of a UUID of version 7 is random but for its variant.
        Self::seeded(first, longest, Uuid::now_v7().as_u128() as u64)
    }

    /// The same pauses for the same seed.
    pub fn seeded(first: Duration, longest: Duration, seed: u64) -> Self {
        Self { first, longest: longest.max(first), next: first, random: seed | 1 }
    }

    /// Something was achieved: begin with short pauses again.
    pub fn reset(&mut self) {
        self.next = self.first;
    }

    /// The next pause.
    pub fn next_pause(&mut self) -> Duration {
        let pause = self.next;
        self.next = pause.saturating_mul(2).min(self.longest);
        // Xorshift (Marsaglia 2003): any will do.
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        let part = (self.random >> 11) as f64 / (1u64 << 53) as f64;
        pause.mul_f64(0.5 + part / 2.0)
    }
}
