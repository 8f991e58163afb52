//! Consumers whose keys are none of an event's own: an event may concern many of them, or none.

use annals_core::RecordedEvent;

use crate::error::ConsumeError;

/// Says which keys an event concerns, where it is not dealt with under its stream. Each partition of such a
/// consumer is given every event, and deals with those keys that fall into its slices: so all that a key is
/// told comes in the order of the log, whatever streams it comes from, and a key that is parked holds
/// nothing up but itself.
pub trait Concerns: Send + Sync + 'static {
    /// The keys, each once. The same event concerns the same keys, as long as the program is the same.
    ///
    /// # Errors
    /// When that cannot be said: the event's stream is parked then, until it can.
    fn keys(&self, event: &RecordedEvent) -> Result<Vec<String>, ConsumeError>;
}

/// An event, and the keys under which it is to be dealt with.
#[derive(Debug, Clone)]
pub struct Concerned {
    /// The event.
    pub event: RecordedEvent,
    /// Some of the keys that it concerns, in the order in which they were said; or its stream alone, when
    /// that could not be said.
    pub keys: Vec<String>,
}
