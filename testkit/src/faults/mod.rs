//! A store that fails when the test says so.

mod operation;
mod plan;
mod store;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use annals_core::store::{BoxError, StoreError, WakeupSender};

pub use operation::Operation;
pub use plan::Held;
use plan::{Fault, Plan};

/// Wraps any store and fails as its [`Faults`] are programmed; otherwise it passes everything on.
///
/// ```
/// use std::sync::Arc;
///
/// use annals_core::MemoryStore;
/// use annals_core::store::{EventStore, StoreError};
/// use annals_testkit::{FaultyStore, Operation};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let store = FaultyStore::new(Arc::new(MemoryStore::default()));
/// store.faults().fail_next(Operation::Head, 1, StoreError::Closed);
/// assert!(store.head().await.is_err());
/// assert!(store.head().await.is_ok());
/// assert_eq!(store.faults().calls(Operation::Head), 2);
/// # }
/// ```
#[derive(Debug)]
pub struct FaultyStore<S: ?Sized> {
    inner: Arc<S>,
    faults: Faults,
}

/// Programs a [`FaultyStore`], and counts its calls. Clones program the same store.
///
/// Calls are numbered from the next one, which is 1. Several faults can meet in one call.
#[derive(Debug, Clone, Default)]
pub struct Faults {
    plan: Arc<Plan>,
    /// Never told anything: what [`drop_wakeups`](Self::drop_wakeups) hands out listens here.
    silence: WakeupSender,
}

impl<S: ?Sized> FaultyStore<S> {
    /// A store without faults yet.
    pub fn new(inner: Arc<S>) -> Self {
        Self { inner, faults: Faults::default() }
    }

    /// The faults of this store.
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    /// The store beneath.
    pub fn inner(&self) -> &Arc<S> {
        &self.inner
    }

    /// Passes a call on, with the faults that meet it. `call` runs only when it is awaited.
    async fn pass<T: Send>(
        &self,
        operation: Operation,
        call: impl Future<Output = Result<T, StoreError>> + Send,
    ) -> Result<T, StoreError> {
        let mut reply_lost = false;
        for fault in self.faults.plan.meet(operation).await {
            match fault {
                Fault::Fail(error) => return Err(error),
                Fault::LoseRequest => return Err(lost("the request")),
                Fault::LoseReply => reply_lost = true,
                // Held and doubled elsewhere.
                Fault::Hold(_) | Fault::Duplicate => {}
            }
        }
        let result = call.await;
        if reply_lost { Err(lost("the reply")) } else { result }
    }
}

impl Faults {
    /// The `nth` call from now fails with `error`, without reaching the store.
    pub fn fail_next(&self, operation: Operation, nth: u64, error: StoreError) {
        self.plan.add(operation, nth, Fault::Fail(error));
    }

    /// The `nth` call from now reaches the store, and its reply does not come back:
    /// [`StoreError::OutcomeUnknown`].
    pub fn lose_reply(&self, operation: Operation, nth: u64) {
        self.plan.add(operation, nth, Fault::LoseReply);
    }

    /// The `nth` call from now does not reach the store, and nobody can tell:
    /// [`StoreError::OutcomeUnknown`].
    pub fn lose_request(&self, operation: Operation, nth: u64) {
        self.plan.add(operation, nth, Fault::LoseRequest);
    }

    /// The `nth` append from now is sent twice; the second result is returned.
    pub fn duplicate(&self, nth: u64) {
        self.plan.add(Operation::Append, nth, Fault::Duplicate);
    }

    /// The `nth` call from now stops before it reaches the store, until it is released: for
    /// interleavings that must happen, not may.
    #[must_use = "the call goes on when the handle is dropped"]
    pub fn hold(&self, operation: Operation, nth: u64) -> Held {
        let (held, gate) = plan::gate();
        self.plan.add(operation, nth, Fault::Hold(gate));
        held
    }

    /// Every call takes so much longer, until it is set to zero.
    pub fn delay(&self, operation: Operation, by: Duration) {
        self.plan.delay(operation, by);
    }

    /// Every event of the log is delivered one to `times` times, one after the other, each by its
    /// position: as a broker does whose acknowledgements get lost.
    pub fn redeliver(&self, times: u64) {
        self.plan.redeliver(times.saturating_sub(1));
    }

    /// Hints get lost: [`wakeups`](annals_core::store::EventStore::wakeups) taken from now on never
    /// wake before their time. Whoever waits does not know it: it counts on hints as far as it would
    /// on the store's own.
    pub fn drop_wakeups(&self) {
        self.plan.drop_wakeups();
    }

    /// How often an operation was called since the last [`reset_calls`](Self::reset_calls).
    pub fn calls(&self, operation: Operation) -> u64 {
        self.plan.calls(operation)
    }

    /// Counts from zero again. Faults that are still to come stay where they are.
    pub fn reset_calls(&self) {
        self.plan.reset_calls();
    }
}

fn lost(what: &str) -> StoreError {
    let source: BoxError = format!("{what} was lost on purpose").into();
    StoreError::OutcomeUnknown { source: source.into() }
}
