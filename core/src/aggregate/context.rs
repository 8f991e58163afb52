//! Time and ids for decisions, from a source that tests control.

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use uuid::Uuid;

use crate::time::cut_time;

/// A source of time.
pub trait Clock: Send + Sync + 'static {
    /// The time, now.
    fn now(&self) -> Timestamp;
}

/// A source of ids.
pub trait IdGenerator: Send + Sync + 'static {
    /// A new id, never given out before.
    fn next(&self) -> Uuid;
}

/// The system's clock.
#[derive(Debug, Default, Clone, Copy)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

/// UUIDs of version 7.
#[derive(Debug, Default, Clone, Copy)]
pub struct SystemIds;

impl IdGenerator for SystemIds {
    fn next(&self) -> Uuid {
        Uuid::now_v7()
    }
}

/// What a decision may ask of the world.
#[derive(Clone)]
pub struct DecisionContext {
    now: Timestamp,
    ids: Arc<dyn IdGenerator>,
}

impl DecisionContext {
    /// A context of one's own, for tests of decisions. The time is cut to the microsecond, which
    /// is what every database keeps.
    pub fn new(now: Timestamp, ids: Arc<dyn IdGenerator>) -> Self {
        Self { now: cut_time(now), ids }
    }

    /// The time of the decision; the same for the whole of it.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// A new id.
    pub fn new_id(&self) -> Uuid {
        self.ids.next()
    }
}

impl fmt::Debug for DecisionContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DecisionContext").field("now", &self.now).finish_non_exhaustive()
    }
}
