//! Effects outside of the store.

use annals_core::RecordedEvent;
use async_trait::async_trait;

use crate::error::ConsumeError;

/// Deals with events outside of the store.
#[async_trait]
pub trait Deliver: Send + Sync {
    /// Deals with events of one key, in order: one, or as many that wait as [`at_once`](Self::at_once)
    /// allows. Those of several keys come at the same time. They may come again after a crash, with the
    /// same ids.
    ///
    /// # Errors
    /// [`ConsumeError`]: none of the events counts as dealt with. Several that fail come once more, one
    /// by one, so that those before the one at fault count, and only its key is parked.
    async fn deliver(&self, events: &[RecordedEvent]) -> Result<(), ConsumeError>;

    /// Whether each delivery has a task of its own, which others do not hold up when it computes. Who does
    /// little but wait is better off with all of them in one.
    fn apart(&self) -> bool {
        true
    }

    /// Whether a repetition has no effect and costs little, because whoever receives it can tell: what is
    /// done may then be written down a moment later, together with more.
    fn repeats(&self) -> bool {
        false
    }

    /// How much of one key is delivered at once.
    fn at_once(&self) -> AtOnce {
        AtOnce::ONE
    }
}

/// How much of one key is delivered at once: what waits already, and no more than this. Nothing waits for
/// others to come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AtOnce {
    /// How many events at the most; one if it is 0. The window bounds it too: see
    /// [`EngineOptions::window`](crate::EngineOptions::window).
    pub events: usize,
    /// How many bytes; the event that reaches them is the last.
    pub bytes: usize,
}

impl AtOnce {
    /// One event.
    pub const ONE: Self = Self { events: 1, bytes: 1 << 20 };
}
