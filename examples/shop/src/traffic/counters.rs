//! What has become of the orders so far.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::checkout::Outcome;
use crate::domain::Rejection;
use crate::screen::count;

#[derive(Debug, Default)]
pub(super) struct Counters {
    begun: AtomicU64,
    confirmed: AtomicU64,
    out_of_stock: AtomicU64,
    declined: AtomicU64,
    returned: AtomicU64,
}

impl Counters {
    /// The number of the next order, from 1, if there is one.
    pub(super) fn next(&self, orders: u64) -> Option<u64> {
        let number = self.begun.fetch_add(1, Relaxed) + 1;
        (number <= orders).then_some(number)
    }

    pub(super) fn count(&self, outcome: Outcome) {
        let counter = match outcome {
            Outcome::Confirmed => &self.confirmed,
            Outcome::Rejected(Rejection::OutOfStock) => &self.out_of_stock,
            Outcome::Rejected(Rejection::Declined) => &self.declined,
        };
        counter.fetch_add(1, Relaxed);
    }

    pub(super) fn returned(&self) {
        self.returned.fetch_add(1, Relaxed);
    }

    /// How many orders have come to an end.
    pub(super) fn done(&self) -> u64 {
        [&self.confirmed, &self.out_of_stock, &self.declined].map(|c| c.load(Relaxed)).iter().sum()
    }
}

impl fmt::Display for Counters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = |counter: &AtomicU64| count(counter.load(Relaxed));
        write!(
            f,
            "{} confirmed, {} out of stock, {} declined, {} returns",
            number(&self.confirmed),
            number(&self.out_of_stock),
            number(&self.declined),
            number(&self.returned)
        )
    }
}
