//! What has become of the orders so far.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::desk::Outcome;
use crate::domain::Rejection;
use crate::screen::count;

#[derive(Debug, Default)]
pub(super) struct Counters {
    begun: AtomicU64,
    confirmed: AtomicU64,
    out_of_stock: AtomicU64,
    declined: AtomicU64,
    given_up: AtomicU64,
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
            Outcome::Rejected(Rejection::GivenUp) => &self.given_up,
            Outcome::Credited => &self.returned,
        };
        counter.fetch_add(1, Relaxed);
    }

    /// How many orders have come to an end.
    pub(super) fn done(&self) -> u64 {
        let ends = [&self.confirmed, &self.out_of_stock, &self.declined, &self.given_up];
        ends.map(|counter| counter.load(Relaxed)).iter().sum()
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
        )?;
        match self.given_up.load(Relaxed) {
            0 => Ok(()),
            given_up => write!(f, ", {} given up", count(given_up)),
        }
    }
}
