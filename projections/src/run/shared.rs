//! What a projection's runner, its readers and its rebuild know of each other.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use annals_core::Position;
use annals_core::store::Store;
use tokio::sync::{Notify, watch};

use super::definition::Definition;
use super::slot::Running;
use super::status::RunState;
use crate::error::ProjectionError;
use crate::record::Generation;

/// Settings of the runners. Each bound holds for one projection.
#[derive(Debug, Clone)]
pub struct RunnerOptions {
    /// How many events are read at a time. Default 5,000. A page also ends at 16 MB.
    pub page_events: usize,
    /// After how many events a batch is written while catching up. Default 100,000.
    pub batch_events: u64,
    /// After how many touched rows a batch is written while catching up. Default 20,000.
    pub batch_rows: usize,
    /// After how many bytes of payloads a batch is written while catching up. Default 32 MB: what is
    /// folded is gone by then, and twice as many commits cost a rebuild a tenth.
    pub batch_bytes: usize,
    /// After how long a handler leaves the rest of its events to the next transaction, so that
    /// nobody waits long for its checkpoint. Default 1 s.
    pub batch_time: Duration,
    /// The pause after the first failure; it doubles up to `retry_at_most`. Default 100 ms.
    pub retry_after: Duration,
    /// The longest pause after a failure. Default 10 s.
    pub retry_at_most: Duration,
    /// How long a stop waits for what is being written; then it is broken off. Default 10 s.
    pub stop_within: Duration,
}

impl Default for RunnerOptions {
    fn default() -> Self {
        Self {
            page_events: 5_000,
            batch_events: 100_000,
            batch_rows: 20_000,
            batch_bytes: 32 << 20,
            batch_time: Duration::from_secs(1),
            retry_after: Duration::from_millis(100),
            retry_at_most: Duration::from_secs(10),
            stop_within: Duration::from_secs(10),
        }
    }
}

/// What a projection is doing, and why it failed last.
pub(crate) type Doing = (RunState, Option<String>);

pub(crate) struct Shared {
    pub(crate) definition: Definition,
    store: Arc<dyn Store>,
    pub(crate) options: RunnerOptions,
    /// How far the active tables have got, as far as this process knows.
    position: watch::Sender<Position>,
    state: watch::Sender<Doing>,
    /// The active generation, as far as this process knows.
    active: Mutex<Option<Generation>>,
    /// How often the tables have been switched, as far as this process knows.
    switched: watch::Sender<u64>,
    pub(super) rebuild: Mutex<Option<Running>>,
    /// Held by whoever takes in what inline appends of others have left.
    pub(super) tending: tokio::sync::Mutex<()>,
    /// Told when an inline projection has been found far behind.
    pub(super) behind: Notify,
}

impl Shared {
    pub(crate) fn new(
        definition: Definition,
        store: Arc<dyn Store>,
        options: RunnerOptions,
    ) -> Arc<Self> {
        Arc::new(Self {
            definition,
            store,
            options,
            position: watch::Sender::new(Position::START),
            state: watch::Sender::new((RunState::CatchingUp, None)),
            active: Mutex::default(),
            switched: watch::Sender::new(0),
            rebuild: Mutex::default(),
            tending: tokio::sync::Mutex::default(),
            behind: Notify::new(),
        })
    }

    pub(crate) fn store(&self) -> &Arc<dyn Store> {
        &self.store
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
        self.state.send_replace((state, error));
    }

    /// Goes on to another state. Why it failed last stays until it is [live](RunState::Live) again.
    pub(crate) fn go_on(&self, state: RunState) {
        self.state.send_modify(|(doing, error)| {
            *doing = state;
            if state == RunState::Live {
                *error = None;
            }
        });
    }

    pub(crate) fn state(&self) -> Doing {
        self.state.borrow().clone()
    }

    pub(crate) fn failed(&self) -> bool {
        self.state.borrow().0 == RunState::Failed
    }

    /// Says that the projection does not get on, and why.
    pub(crate) fn stands_still(&self, error: &ProjectionError) {
        let state = match error {
            ProjectionError::Superseded { .. } => RunState::Superseded,
            _ => RunState::Failed,
        };
        let projection = &self.definition.name;
        tracing::error!(%projection, %error, "the projection stands still");
        metrics::counter!("annals_projection_failures_total", "projection" => projection.clone())
            .increment(1);
        self.set_state(state, Some(error.to_string()));
    }

    pub(crate) fn states(&self) -> watch::Receiver<Doing> {
        self.state.subscribe()
    }

    pub(crate) fn set_active(&self, generation: Generation) {
        *self.active.lock().unwrap_or_else(PoisonError::into_inner) = Some(generation);
    }

    pub(crate) fn active(&self) -> Option<Generation> {
        self.active.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Tells the runner that other tables are active.
    pub(crate) fn announce_switch(&self) {
        self.switched.send_modify(|times| *times += 1);
    }

    /// Sees every switch from now on.
    pub(crate) fn switches(&self) -> watch::Receiver<u64> {
        self.switched.subscribe()
    }
}
