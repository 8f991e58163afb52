//! Signs of life of a process that has a transaction open, so that the server can end the transaction
//! of one that is frozen, and leaves alone one whose work takes long.

use std::convert::Infallible;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use annals_core::store::StoreError;
use tokio::time::Instant;

use crate::error::STORE;
use crate::link::Link;

/// The pulse of one transaction.
pub(crate) struct Pulse {
    /// When the process was seen at work last.
    seen: Mutex<Instant>,
    frozen_after: Duration,
    /// It was frozen for so long that the server may have ended the transaction.
    frozen: AtomicBool,
}

impl Pulse {
    pub(crate) fn new(frozen_after: Duration) -> Self {
        Self { seen: Mutex::new(Instant::now()), frozen_after, frozen: AtomicBool::new(false) }
    }

    /// Beats for as long as it is polled, beside the work: the server hears an empty statement.
    pub(crate) async fn beat(&self, link: Link<'_>) -> Infallible {
        let every = self.frozen_after / 3;
        loop {
            tokio::time::sleep(every).await;
            self.see();
            // Behind a statement that takes long it is not answered, and need not be.
            if let Ok(Err(error)) = tokio::time::timeout(every, link.run("")).await {
                tracing::debug!(%error, "a transaction has lost its server");
                std::future::pending().await
            }
            self.see();
        }
    }

    /// Refuses when the process was frozen. The server has ended the transaction then, or would have;
    /// a commit that is not sent leaves no doubt.
    pub(crate) fn check(&self) -> Result<(), StoreError> {
        self.see();
        if !self.frozen.load(Ordering::Relaxed) {
            return Ok(());
        }
        Err(StoreError::TookTooLong {
            store: STORE,
            what: format!(
                "this process stood still for more than {:?} in the middle of a transaction, which \
                 was ended so that others need not wait for it",
                self.frozen_after
            ),
            option: "frozen_after",
        })
    }

    fn see(&self) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.elapsed() >= self.frozen_after {
            self.frozen.store(true, Ordering::Relaxed);
        }
        *seen = Instant::now();
    }
}
