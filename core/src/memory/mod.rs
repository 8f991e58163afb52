//! A store in memory: for tests, and as the plainest statement of what a store does.

mod append;
mod browse;
mod examine;
mod read;
mod restore;
mod state;
mod store;
mod tables;
mod transaction;

use std::fmt;
use std::sync::Arc;

use tokio::sync::{Mutex, MutexGuard};

use crate::aggregate::{Clock, SystemClock};
use crate::store::{StoreError, StoreMark, WakeupSender};
use state::State;

/// Keeps everything in memory and forgets it when the last clone is dropped.
///
/// ```
/// use annals_core::store::{Append, EventStore};
/// use annals_core::{ExpectedVersion, MemoryStore, NewEvent, Payload, Position, StreamId};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let store = MemoryStore::default();
/// let event = NewEvent::raw("order.placed", 1, Payload::parse("{}")?);
/// let stream = StreamId::new("order", 1)?;
/// let appended = store.append(Append::to(stream, ExpectedVersion::NoStream, vec![event])).await?;
/// assert_eq!(appended.position, Position::new(1));
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct MemoryStore {
    state: Arc<Mutex<State>>,
    wakeups: WakeupSender,
    clock: Arc<dyn Clock>,
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::with_clock(Arc::new(SystemClock))
    }
}

impl MemoryStore {
    /// An empty store whose times come from `clock`.
    pub fn with_clock(clock: Arc<dyn Clock>) -> Self {
        let wakeups = WakeupSender::default();
        // There is no other process.
        wakeups.comes_from_all(true);
        Self { state: Arc::default(), wakeups, clock }
    }

    fn mark(&self) -> StoreMark {
        StoreMark::of(&*self.state)
    }

    /// Everything, for one call. A transaction has it for as long as its work lasts.
    async fn lock(&self) -> Result<MutexGuard<'_, State>, StoreError> {
        self.mark().refuse_inside()?;
        Ok(self.state.lock().await)
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore").finish_non_exhaustive()
    }
}
