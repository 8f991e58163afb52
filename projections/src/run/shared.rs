//! What a projection's runner, its readers and its rebuild know of each other.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use annals_core::store::Store;
use annals_core::{Journal, Position};
use tokio::sync::{Notify, watch};

use super::definition::Definition;
use super::progress::Progress;
use super::status::RunState;

/// Settings of the runners. Each bound holds for one projection.
#[derive(Debug, Clone)]
pub struct RunnerOptions {
    /// How many events are read at a time. Default 5,000.
    pub page_events: usize,
    /// After how many events a batch is written while catching up. Default 100,000.
    pub batch_events: u64,
    /// After how many touched rows a batch is written while catching up. Default 20,000.
    pub batch_rows: usize,
    /// The pause after the first failure; it doubles up to `retry_at_most`. Default 100 ms.
    pub retry_after: Duration,
    /// The longest pause after a failure. Default 10 s.
    pub retry_at_most: Duration,
}

impl Default for RunnerOptions {
    fn default() -> Self {
        Self {
            page_events: 5_000,
            batch_events: 100_000,
            batch_rows: 20_000,
            retry_after: Duration::from_millis(100),
            retry_at_most: Duration::from_secs(10),
        }
    }
}

pub(crate) struct Shared {
    pub(crate) definition: Definition,
    pub(crate) journal: Journal,
    pub(crate) options: RunnerOptions,
    /// How far the active tables have got, as far as this process knows.
    position: watch::Sender<Position>,
    state: Mutex<(RunState, Option<String>)>,
    /// Whether the active tables have the columns this program knows.
    shape_fits: AtomicBool,
    /// Told when a rebuild has switched the tables.
    pub(crate) switched: Notify,
    pub(crate) rebuild: Mutex<Option<watch::Receiver<Progress>>>,
}

impl Shared {
    pub(crate) fn new(
        definition: Definition,
        journal: Journal,
        options: RunnerOptions,
    ) -> Arc<Self> {
        Arc::new(Self {
            definition,
            journal,
            options,
            position: watch::Sender::new(Position::START),
            state: Mutex::new((RunState::CatchingUp, None)),
            shape_fits: AtomicBool::new(true),
            switched: Notify::new(),
            rebuild: Mutex::default(),
        })
    }

    pub(crate) fn store(&self) -> &Arc<dyn Store> {
        self.journal.store()
    }

    pub(crate) fn position(&self) -> Position {
        *self.position.borrow()
    }

    pub(crate) fn positions(&self) -> watch::Receiver<Position> {
        self.position.subscribe()
    }

    /// Tells everybody who waits. A position never goes back, though a restart may read it again.
    pub(crate) fn publish(&self, position: Position) {
        self.position.send_if_modified(|known| {
            let grows = position > *known;
            *known = (*known).max(position);
            grows
        });
    }

    pub(crate) fn set_state(&self, state: RunState, error: Option<String>) {
        *self.state.lock().unwrap_or_else(PoisonError::into_inner) = (state, error);
    }

    pub(crate) fn state(&self) -> (RunState, Option<String>) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn set_shape_fits(&self, fits: bool) {
        self.shape_fits.store(fits, Ordering::Release);
    }

    pub(crate) fn shape_fits(&self) -> bool {
        self.shape_fits.load(Ordering::Acquire)
    }

    /// How far a rebuild has got, if one is going on.
    pub(crate) fn rebuild_progress(&self) -> Option<Progress> {
        let rebuild = self.rebuild.lock().unwrap_or_else(PoisonError::into_inner);
        rebuild.as_ref().map(|progress| progress.borrow().clone())
    }
}
