//! What the work on a projection, its readers and its rebuild know of each other.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use annals_consumers::{Counts, Doing, PartitionId, Stop, Waker};
use annals_core::Position;
use annals_core::store::{EventLog, Stores, Workspace};
use tokio::sync::watch;

use super::definition::{Definition, Mode};
use super::slot::Running;
use super::status::RunState;
use crate::error::ProjectionError;
use crate::generations::Generation;

/// What a projection is doing, and why it failed last.
pub(crate) type State = (RunState, Option<String>);

/// The generation that is being built, as far as this process works on it.
#[derive(Debug, Default, Clone)]
pub(crate) struct Building {
    /// Where each of its partitions stands.
    pub(crate) parts: BTreeMap<PartitionId, Position>,
    /// What has been dealt with.
    pub(crate) counts: Counts,
    /// Why it does not get on.
    pub(crate) failed: Option<ProjectionError>,
    /// Why it cannot take over yet.
    pub(crate) waiting_for: Option<String>,
    /// How often it could not.
    pub(crate) tries: u32,
}

pub(crate) struct Shared {
    pub(crate) definition: Definition,
    stores: Stores,
    stop: Stop,
    /// Wakes the engine.
    pub(super) waker: OnceLock<Waker>,
    /// How far the active tables have got, as far as this process knows.
    position: watch::Sender<Position>,
    state: watch::Sender<State>,
    /// What each partition of this process is doing.
    doing: Mutex<BTreeMap<PartitionId, Doing>>,
    /// Where each partition of the active generation stands that this process works on.
    parts: Mutex<BTreeMap<PartitionId, Position>>,
    pub(crate) building: watch::Sender<Building>,
    /// The active generation, as far as this process knows.
    active: Mutex<Option<Generation>>,
    /// How often the tables have been switched, as far as this process knows.
    switched: watch::Sender<u64>,
    pub(super) rebuild: Mutex<Option<Running>>,
    /// Why the last event failed that did, until something succeeds.
    last_failure: Mutex<Option<ProjectionError>>,
    /// Whether the last append failed in an inline fold, of which the partition knows nothing.
    append_failed: AtomicBool,
    /// Whether somebody is looking what became of the read model.
    pub(super) looking: AtomicBool,
}

impl Shared {
    pub(crate) fn new(definition: Definition, stores: Stores, stop: Stop) -> Arc<Self> {
        Arc::new(Self {
            definition,
            stores,
            stop,
            waker: OnceLock::new(),
            position: watch::Sender::new(Position::START),
            state: watch::Sender::new((RunState::CatchingUp, None)),
            doing: Mutex::default(),
            parts: Mutex::default(),
            building: watch::Sender::default(),
            active: Mutex::default(),
            switched: watch::Sender::new(0),
            rebuild: Mutex::default(),
            last_failure: Mutex::default(),
            append_failed: AtomicBool::new(false),
            looking: AtomicBool::new(false),
        })
    }

    pub(crate) fn log(&self) -> &Arc<dyn EventLog> {
        self.stores.log()
    }

    pub(crate) fn work(&self) -> &Arc<dyn Workspace> {
        self.stores.work()
    }

    /// Whether the log can be read in a transaction of the tables.
    pub(crate) fn are_together(&self) -> bool {
        self.stores.are_together()
    }

    pub(crate) fn last_failure(&self) -> Option<ProjectionError> {
        self.last_failure.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn fails(&self, error: Option<ProjectionError>) {
        *self.last_failure.lock().unwrap_or_else(PoisonError::into_inner) = error;
    }

    pub(crate) fn stop(&self) -> &Stop {
        &self.stop
    }

    /// Has the engine look what there is to do.
    pub(crate) fn wake(&self) {
        if let Some(waker) = self.waker.get() {
            waker.wake();
        }
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

    /// A partition of this process has dealt with so much.
    pub(crate) fn counted(&self, partition: &PartitionId, more: Counts) {
        if self.active().is_none_or(|active| active.number != partition.generation) {
            self.building.send_modify(|Building { counts, .. }| {
                counts.positions += more.positions;
                counts.looked_at += more.looked_at;
                counts.taken_in += more.taken_in;
            });
        }
    }

    /// A partition of this process has got so far.
    pub(crate) fn reached(&self, partition: &PartitionId, position: Position) {
        let active = self.active();
        if active.is_none_or(|active| active.number != partition.generation) {
            self.building.send_modify(|building| {
                building.parts.insert(partition.clone(), position);
                building.failed = None;
            });
            return;
        }
        let mut parts = self.parts.lock().unwrap_or_else(PoisonError::into_inner);
        parts.retain(|known, _| known.generation == partition.generation);
        parts.insert(partition.clone(), position);
        // Whether these are all partitions is known where there is one; otherwise the store is asked.
        if self.definition.parts == 1
            && let Some(least) = parts.values().min()
        {
            self.publish(*least);
        }
    }

    /// A partition of this process does something else now.
    pub(crate) fn does(self: &Arc<Self>, partition: &PartitionId, doing: &Doing) {
        let mut all = self.doing.lock().unwrap_or_else(PoisonError::into_inner);
        match doing {
            Doing::Stopped => drop(all.remove(partition)),
            doing => drop(all.insert(partition.clone(), doing.clone())),
        }
        let building = self.is_building(partition);
        if let (true, Doing::Failed(_)) = (building, doing) {
            let failed = self.last_failure();
            self.building.send_modify(|building| building.failed = failed);
        }
        let failed =
            all.values().find(|doing| matches!(doing, Doing::Failed(_) | Doing::Blocked(_)));
        let state = match failed.and_then(Doing::reason) {
            Some(reason) => (RunState::Failed, Some(reason.to_owned())),
            None if all.is_empty() => {
                drop(all);
                self.look_soon();
                return;
            }
            // What is built beside the tables that are read says nothing about those.
            None if all.keys().all(|part| self.is_building(part)) => (RunState::Rebuilding, None),
            None => {
                let mut serving = all.iter().filter(|(part, _)| !self.is_building(part));
                match serving.all(|(_, doing)| *doing == Doing::Live) {
                    true => (RunState::Live, None),
                    false => (RunState::CatchingUp, None),
                }
            }
        };
        drop(all);
        let inline = self.definition.mode == Mode::Inline;
        match state {
            // Its appends go on all the same, or fail all the same.
            (RunState::CatchingUp, _) if inline && self.state.borrow().0 == RunState::Live => {}
            (RunState::CatchingUp | RunState::Live, _)
                if self.append_failed.load(Ordering::Acquire) => {}
            (RunState::Failed, reason) => self.set_state(RunState::Failed, reason),
            (state, _) => self.go_on(state),
        }
    }

    /// Whether other processes do all the work.
    pub(crate) fn works_elsewhere(&self) -> bool {
        let doing = self.doing.lock().unwrap_or_else(PoisonError::into_inner);
        let at_work = [RunState::Live, RunState::CatchingUp, RunState::Rebuilding];
        self.definition.mode == Mode::Async
            && doing.is_empty()
            && at_work.contains(&self.state.borrow().0)
    }

    fn is_building(&self, partition: &PartitionId) -> bool {
        self.active().is_some_and(|active| active.number < partition.generation)
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

    pub(crate) fn state(&self) -> State {
        self.state.borrow().clone()
    }

    pub(crate) fn failed(&self) -> bool {
        self.state.borrow().0 == RunState::Failed
    }

    /// An append was taken in, or was not because of an event.
    pub(crate) fn append_ended(&self, failed: Option<&ProjectionError>) {
        let before = self.append_failed.swap(failed.is_some(), Ordering::AcqRel);
        match failed {
            Some(error) => self.set_state(RunState::Failed, Some(error.to_string())),
            None if before || self.failed() => self.go_on(RunState::Live),
            None => {}
        }
    }

    /// Says that the projection does not get on, and why.
    pub(crate) fn stands_still(&self, error: &ProjectionError) {
        let state = match error {
            ProjectionError::Superseded { .. } => RunState::Superseded,
            _ => RunState::Failed,
        };
        let projection = &*self.definition.name;
        tracing::error!(projection, %error, "the projection stands still");
        self.set_state(state, Some(error.to_string()));
    }

    pub(crate) fn states(&self) -> watch::Receiver<State> {
        self.state.subscribe()
    }

    pub(crate) fn set_active(&self, generation: Generation) {
        *self.active.lock().unwrap_or_else(PoisonError::into_inner) = Some(generation);
    }

    pub(crate) fn active(&self) -> Option<Generation> {
        self.active.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Other tables are active from now on.
    pub(crate) fn announce_switch(&self, generation: Generation) {
        self.set_active(generation);
        self.building.send_replace(Building::default());
        self.switched.send_modify(|times| *times += 1);
    }

    /// Sees every switch from now on.
    pub(crate) fn switches(&self) -> watch::Receiver<u64> {
        self.switched.subscribe()
    }

    /// Looks what became of the read model, on a task of its own.
    pub(crate) fn look_soon(self: &Arc<Self>) {
        if self.stop.is_set() || self.looking.swap(true, Ordering::AcqRel) {
            return;
        }
        let shared = self.clone();
        tokio::spawn(async move {
            shared.keep().await;
            shared.looking.store(false, Ordering::Release);
        });
    }
}
