//! Something that happens again and again, for those who wait for the next time. Whoever waited first is
//! woken first: with a watch channel it is left to chance who is, and no run can be repeated.

use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::Notify;

#[derive(Debug, Default)]
pub(crate) struct Signal {
    times: AtomicU64,
    told: Notify,
}

impl Signal {
    /// It happened.
    pub(crate) fn send(&self) {
        self.times.fetch_add(1, Ordering::Release);
        self.told.notify_waiters();
    }

    /// How often it has happened.
    pub(crate) fn times(&self) -> u64 {
        self.times.load(Ordering::Acquire)
    }

    /// Waits until it has happened more often than this. Cancel safe.
    pub(crate) async fn beyond(&self, times: u64) {
        loop {
            let mut told = pin!(self.told.notified());
            // From here on, nothing is missed.
            told.as_mut().enable();
            if self.times() > times {
                return;
            }
            told.await;
        }
    }
}
