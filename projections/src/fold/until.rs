//! How long one transaction may go on.

use std::time::Instant;

use annals_core::Position;

use crate::run::Stop;

/// When a handler that takes event after event should leave the rest to the next transaction, so
/// that nobody waits long for the checkpoint, and a stop need not wait for a whole batch.
#[derive(Clone)]
pub(crate) struct Until {
    deadline: Option<Instant>,
    stop: Option<Stop>,
}

impl Until {
    pub(crate) fn new(deadline: Option<Instant>, stop: Stop) -> Self {
        Self { deadline, stop: Some(stop) }
    }

    /// Everything belongs into this transaction.
    pub(crate) fn all_is_written() -> Self {
        Self { deadline: None, stop: None }
    }

    pub(crate) fn is_over(&self) -> bool {
        self.stop.as_ref().is_some_and(Stop::is_set)
            || self.deadline.is_some_and(|deadline| Instant::now() >= deadline)
    }
}

/// How much of what was waiting has been written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wrote {
    /// All of it.
    All,
    /// The events up to this one; the rest goes on waiting.
    UpTo(Position),
}
