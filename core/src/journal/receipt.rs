//! What a command comes to.

use crate::envelope::EventId;
use crate::names::{Position, StreamId, StreamVersion};

/// What a command did.
#[derive(Debug, Clone, PartialEq)]
pub struct Receipt<E> {
    /// The aggregate's stream.
    pub stream: StreamId,
    /// The stream's version after the command.
    pub version: StreamVersion,
    /// The position of the last event; if the command emitted none, of the stream's last event.
    /// A read model that has reached it shows the command's effects.
    pub position: Position,
    /// The events, in order.
    pub events: Vec<E>,
    /// Their ids, in the same order.
    pub event_ids: Vec<EventId>,
    /// Whether this is the first receipt of a command that had been executed before.
    pub repeated: bool,
    /// Whether nothing was written because only a dry run was asked for.
    pub dry_run: bool,
}
