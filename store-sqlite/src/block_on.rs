//! Waiting for a future on the writer's own thread, which belongs to no runtime.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use annals_core::store::{StoreError, StoreMark};
use tokio::runtime::Handle;

use crate::error::STORE;

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// How the work of a transaction is run on the writer's thread.
#[derive(Clone)]
pub(crate) struct Host {
    /// The runtime of the caller, so that the work can use timers, sockets and tasks.
    pub(crate) runtime: Option<Handle>,
    /// Whose work it is.
    pub(crate) mark: StoreMark,
    /// How long it may wait for anything but its transaction, over all its waits.
    pub(crate) patience: Duration,
}

impl Host {
    /// Runs work to its end.
    ///
    /// # Errors
    /// [`StoreError::TookTooLong`] when it waits for too long, and what the work returns.
    pub(crate) fn run<T>(
        &self,
        work: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let _entered = self.runtime.as_ref().map(Handle::enter);
        let ended = wait_for(self.mark.around(work), self.patience);
        ended.unwrap_or_else(|| {
            Err(StoreError::TookTooLong {
                store: STORE,
                what: format!(
                    "the work of a transaction has waited for something else for {:?}, and all \
                     writes wait for it",
                    self.patience
                ),
                option: "work_timeout",
            })
        })
    }
}

/// Runs a future to its end, or until it has waited for `patience`, not counting what it did between
/// its waits.
pub(crate) fn wait_for<F: Future>(future: F, patience: Duration) -> Option<F::Output> {
    let mut future = pin!(future);
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    let mut left = patience;
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return Some(output);
        }
        if left.is_zero() {
            return None;
        }
        let waiting = Instant::now();
        thread::park_timeout(left);
        left = left.saturating_sub(waiting.elapsed());
    }
}
