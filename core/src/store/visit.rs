//! What folding a state needs of an event, handed over where the store has it.

use std::ops::ControlFlow;

use crate::envelope::RecordedEvent;
use crate::names::StreamVersion;

/// An event's payload and what it takes to read it, borrowed from the store's own buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoredPayload<'p> {
    /// The event's place in its stream.
    pub version: StreamVersion,
    /// The stable dotted name.
    pub event_type: &'p str,
    /// The version of the payload's schema.
    pub schema_version: u32,
    /// The payload, as JSON text.
    pub payload: &'p str,
}

impl<'e> From<&'e RecordedEvent> for StoredPayload<'e> {
    fn from(event: &'e RecordedEvent) -> Self {
        Self {
            version: event.version,
            event_type: event.event_type.as_str(),
            schema_version: event.schema_version,
            payload: event.payload.as_str(),
        }
    }
}

/// What [`visit_stream`](super::EventStore::visit_stream) calls with each event; it breaks to stop.
pub type PayloadVisitor = Box<dyn FnMut(StoredPayload<'_>) -> ControlFlow<()> + Send>;
