//! Pauses between attempts: they grow, and are of random length, so that those who stand in each
//! other's way do not meet again.

use std::time::Duration;

use uuid::Uuid;

/// The first pause of one who found that somebody else moved on.
const FIRST_YIELD: Duration = Duration::from_millis(5);

/// The longest of them: a reader who waits for a position waits for this, too.
const LONGEST_YIELD: Duration = Duration::from_millis(200);

pub(crate) struct Pauses {
    first: Duration,
    next: Duration,
    longest: Duration,
}

impl Pauses {
    pub(crate) fn new(first: Duration, longest: Duration) -> Self {
        Self { first, next: first, longest }
    }

    /// For one who gives way to others.
    pub(crate) fn to_yield() -> Self {
        Self::new(FIRST_YIELD, LONGEST_YIELD)
    }

    /// Something was achieved: begin with short pauses again.
    pub(crate) fn reset(&mut self) {
        self.next = self.first;
    }

    /// The next pause: between a half and the whole of a time that doubles.
    pub(crate) fn next(&mut self) -> Duration {
        let pause = self.next;
        self.next = (pause * 2).min(self.longest.max(self.first));
        // The last 32 bits of a UUID of version 7 are random.
        let random = f64::from(Uuid::now_v7().as_u128() as u32) / f64::from(u32::MAX);
        pause.mul_f64(0.5 + random / 2.0)
    }
}
