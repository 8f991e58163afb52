//! Which fault meets which call.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use annals_core::store::StoreError;
use tokio::sync::oneshot;

use super::Operation;

/// What can meet a call.
#[derive(Debug)]
pub(super) enum Fault {
    Fail(StoreError),
    LoseRequest,
    LoseReply,
    Duplicate,
    Hold(Gate),
}

#[derive(Debug, Default)]
pub(super) struct Plan {
    operations: Mutex<HashMap<Operation, OperationPlan>>,
    wakeups_dropped: AtomicBool,
    /// How often an event of the log comes again at the most.
    redeliveries: AtomicU64,
}

#[derive(Debug, Default)]
struct OperationPlan {
    /// All calls so far: faults are numbered by it.
    calls: u64,
    /// How many of them are no longer counted.
    forgotten: u64,
    delay: Duration,
    faults: Vec<(u64, Fault)>,
}

impl Plan {
    pub(super) fn add(&self, operation: Operation, nth: u64, fault: Fault) {
        let mut operations = self.operations();
        let plan = operations.entry(operation).or_default();
        plan.faults.push((plan.calls + nth.max(1), fault));
    }

    pub(super) fn delay(&self, operation: Operation, by: Duration) {
        self.operations().entry(operation).or_default().delay = by;
    }

    pub(super) fn drop_wakeups(&self) {
        self.wakeups_dropped.store(true, Ordering::SeqCst);
    }

    pub(super) fn wakeups_are_dropped(&self) -> bool {
        self.wakeups_dropped.load(Ordering::SeqCst)
    }

    pub(super) fn redeliver(&self, at_most: u64) {
        self.redeliveries.store(at_most, Ordering::SeqCst);
    }

    pub(super) fn redeliveries(&self) -> u64 {
        self.redeliveries.load(Ordering::SeqCst)
    }

    pub(super) fn calls(&self, operation: Operation) -> u64 {
        self.operations().get(&operation).map_or(0, |plan| plan.calls - plan.forgotten)
    }

    pub(super) fn reset_calls(&self) {
        for plan in self.operations().values_mut() {
            plan.forgotten = plan.calls;
        }
    }

    /// Counts a call, lets it wait as long as it should, and returns what else meets it.
    pub(super) async fn meet(&self, operation: Operation) -> Vec<Fault> {
        let (delay, mut faults) = self.count(operation);
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        for fault in &mut faults {
            if let Fault::Hold(gate) = fault {
                gate.pass().await;
            }
        }
        faults
    }

    fn count(&self, operation: Operation) -> (Duration, Vec<Fault>) {
        let mut operations = self.operations();
        let plan = operations.entry(operation).or_default();
        plan.calls += 1;
        let now = plan.calls;
        let met = plan.faults.extract_if(.., |(call, _)| *call == now);
        let faults = met.map(|(_, fault)| fault).collect();
        (plan.delay, faults)
    }

    fn operations(&self) -> MutexGuard<'_, HashMap<Operation, OperationPlan>> {
        self.operations.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The test's side of a call that is held.
#[derive(Debug)]
pub struct Held {
    reached: oneshot::Receiver<()>,
    release: oneshot::Sender<()>,
}

/// The call's side.
#[derive(Debug)]
pub(super) struct Gate {
    reached: Option<oneshot::Sender<()>>,
    release: oneshot::Receiver<()>,
}

pub(super) fn gate() -> (Held, Gate) {
    let (reached_sender, reached) = oneshot::channel();
    let (release, released) = oneshot::channel();
    (Held { reached, release }, Gate { reached: Some(reached_sender), release: released })
}

impl Held {
    /// Waits until the call has come and stands still.
    ///
    /// # Panics
    /// When the store is dropped first: the call will never come.
    pub async fn reached(&mut self) {
        (&mut self.reached).await.expect("the call comes before its store is dropped");
    }

    /// Lets the call go on.
    pub fn release(self) {
        // A call that was dropped in the meantime needs no release.
        let _ = self.release.send(());
    }
}

impl Gate {
    async fn pass(&mut self) {
        if let Some(reached) = self.reached.take() {
            // Somebody who does not wait for the call may still release it.
            let _ = reached.send(());
        }
        // A dropped handle releases too.
        let _ = (&mut self.release).await;
    }
}
