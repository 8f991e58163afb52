//! Where facts are and where effects go: two things, which one database may be at once.

use std::fmt;
use std::sync::Arc;

use super::{
    Capabilities, CheckpointStore, CommandStore, EventStore, SchemaStore, SnapshotStore,
    StateStore, TableStore, Transact,
};

/// Where facts are: streams, the log, the schemas it was written with, and what commands did.
pub trait EventLog: EventStore + CommandStore + SchemaStore + SnapshotStore {}

impl<S> EventLog for S where S: EventStore + CommandStore + SchemaStore + SnapshotStore + ?Sized {}

/// Where effects go: transactions, tables, checkpoints, and what consumers keep about themselves.
pub trait Workspace: Transact + CheckpointStore + StateStore + TableStore {}

impl<S> Workspace for S where S: Transact + CheckpointStore + StateStore + TableStore + ?Sized {}

/// Both at once: an append and its effects can share a transaction.
pub trait Store: EventLog + Workspace {}

impl<S> Store for S where S: EventLog + Workspace + ?Sized {}

/// A log, and the workspace for what follows from it.
#[derive(Clone)]
pub struct Stores {
    log: Arc<dyn EventLog>,
    work: Arc<dyn Workspace>,
    together: bool,
}

impl Stores {
    /// One store that is both.
    pub fn of(store: Arc<dyn Store>) -> Self {
        Self { log: store.clone(), work: store, together: true }
    }

    /// A log that is followed from a workspace elsewhere. Nothing can be appended in a transaction
    /// of the workspace, and so no projection can be inline.
    pub fn apart(log: Arc<dyn EventLog>, work: Arc<dyn Workspace>) -> Self {
        Self { log, work, together: false }
    }

    /// Where facts are.
    pub fn log(&self) -> &Arc<dyn EventLog> {
        &self.log
    }

    /// Where effects go.
    pub fn work(&self) -> &Arc<dyn Workspace> {
        &self.work
    }

    /// Whether an append and its effects can share a transaction.
    pub fn are_together(&self) -> bool {
        self.together
    }

    /// What the log can do.
    pub fn capabilities(&self) -> Capabilities {
        self.log.capabilities()
    }
}

impl From<Arc<dyn Store>> for Stores {
    fn from(store: Arc<dyn Store>) -> Self {
        Self::of(store)
    }
}

impl<S: Store + 'static> From<Arc<S>> for Stores {
    fn from(store: Arc<S>) -> Self {
        Self::of(store)
    }
}

impl fmt::Debug for Stores {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stores")
            .field("log", &self.log.capabilities().name)
            .field("together", &self.together)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    /// They must stay usable behind a pointer.
    const _: fn(&dyn super::Store, &dyn super::EventLog, &dyn super::Workspace) = |_, _, _| {};
}
