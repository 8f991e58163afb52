//! Messages from elsewhere, for the engine.

use std::fmt;
use std::sync::Arc;

use annals_core::RecordedEvent;
use annals_core::store::Workspace;
use async_trait::async_trait;

use crate::error::ConsumeError;
use crate::records::PartitionRecord;

/// Where the events of a consumer come from that does not follow the log: a broker, as a rule.
///
/// A partition takes them in as it takes in those of the log; its positions are the numbers of what it was
/// given. What has had its effect stands in the inbox, written with it, so that a repetition is absorbed.
#[async_trait]
pub trait Inflow: Send + Sync + 'static {
    /// What it is, for people: `orders on nats://10.0.0.7:4222`.
    fn origin(&self) -> String;

    /// Whether the events of a key are certain to come in order, but for repetitions: then the last one that
    /// had its effect stands for all before it.
    fn ordered(&self) -> bool;

    /// Begins to receive what belongs to a partition, one of `parts`. All events of a key belong to the same.
    /// What has to be remembered of where they come from is kept in the workspace's
    /// [state](annals_core::store::StateStore).
    ///
    /// # Errors
    /// [`ConsumeError`]: the partition waits, or stops.
    async fn open(
        &self,
        work: &Arc<dyn Workspace>,
        partition: &PartitionRecord,
        parts: u32,
    ) -> Result<Box<dyn Inlet>, ConsumeError>;
}

impl fmt::Debug for dyn Inflow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.origin())
    }
}

/// Receives what belongs to one partition. When it is dropped, what was not acknowledged comes again,
/// to the next one.
#[async_trait]
pub trait Inlet: Send {
    /// The next events with their numbers, which only grow; waits for one. Their positions do not matter, and
    /// an event that cannot be read has the type [`UNREADABLE`]. Cancel safe.
    ///
    /// # Errors
    /// [`ConsumeError::Blocked`]; the next call tries again.
    async fn receive(&mut self, limit: usize) -> Result<Vec<(u64, RecordedEvent)>, ConsumeError>;

    /// Everything up to this number has had its effect.
    ///
    /// # Errors
    /// [`ConsumeError::Blocked`]; it may come again.
    async fn acknowledge(&mut self, number: u64) -> Result<(), ConsumeError>;
}

/// The type of an event that stands for a message that could not be read. Its payload says why, in the
/// field `reason`, and what came. It parks its key.
pub const UNREADABLE: &str = "annals.unreadable";

/// The type of an event that stands for a message that the consumer does not want: it has no effect.
pub const PASSED_BY: &str = "annals.passed_by";

/// Why a message could not be read, if this event stands for one.
pub(crate) fn unreadable(event: &RecordedEvent) -> Option<ConsumeError> {
    #[derive(serde::Deserialize)]
    struct Why {
        reason: String,
    }
    if event.event_type != UNREADABLE {
        return None;
    }
    let why = event.payload.decode::<Why>().map(|why| why.reason);
    let why = why.unwrap_or_else(|error| error.to_string());
    Some(ConsumeError::poison(format!("the message cannot be read: {why}")))
}
