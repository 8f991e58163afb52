//! What a projection's runner, its readers and its rebuild know of each other.

use std::sync::{Arc, Mutex, PoisonError};

use annals_core::Position;
use annals_core::store::{EventLog, Stores, Workspace};
use tokio::sync::{Notify, watch};

use super::definition::Definition;
use super::options::RunnerOptions;
use super::slot::Running;
use super::status::RunState;
use crate::error::ProjectionError;
use crate::generations::Generation;

/// What a projection is doing, and why it failed last.
pub(crate) type Doing = (RunState, Option<String>);

pub(crate) struct Shared {
    pub(crate) definition: Definition,
    stores: Stores,
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
    pub(crate) fn new(definition: Definition, stores: Stores, options: RunnerOptions) -> Arc<Self> {
        Arc::new(Self {
            definition,
            stores,
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

    pub(crate) fn stores(&self) -> &Stores {
        &self.stores
    }

    /// Where the events are.
    pub(crate) fn log(&self) -> &Arc<dyn EventLog> {
        self.stores.log()
    }

    /// Where the rows are, and how far they have got.
    pub(crate) fn work(&self) -> &Arc<dyn Workspace> {
        self.stores.work()
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
