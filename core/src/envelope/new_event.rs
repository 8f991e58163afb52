//! An event on its way into a store.

use std::sync::Arc;

use jiff::Timestamp;

use super::{EventId, EventType, Metadata, RecordedEvent};
use crate::event::{EncodeError, Event};
use crate::names::{Position, StreamId, StreamVersion};
use crate::payload::Payload;
use crate::time::cut_time;

/// An event that is not stored yet.
///
/// ```
/// use annals_core::{NewEvent, Payload};
///
/// let event = NewEvent::raw("order.placed", 1, Payload::parse(r#"{"lines": 3}"#)?);
/// assert_eq!(event.event_type.as_str(), "order.placed");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct NewEvent {
    /// The id; the same id again is the same event.
    pub id: EventId,
    /// The stable dotted name, such as `order.placed`.
    pub event_type: EventType,
    /// The version of the payload's schema.
    pub schema_version: u32,
    /// The payload.
    pub payload: Payload,
    /// When it happened, kept to the microsecond; `None` means "when it is recorded".
    pub occurred_at: Option<Timestamp>,
    /// Where it comes from.
    pub metadata: Metadata,
}

impl NewEvent {
    /// An event given by its parts, with a new id.
    pub fn raw(event_type: impl Into<EventType>, schema_version: u32, payload: Payload) -> Self {
        Self::identified(EventId::generate(), event_type, schema_version, payload)
    }

    /// An event given by its parts, its id among them.
    pub fn identified(
        id: EventId,
        event_type: impl Into<EventType>,
        schema_version: u32,
        payload: Payload,
    ) -> Self {
        Self {
            id,
            event_type: event_type.into(),
            schema_version,
            payload,
            occurred_at: None,
            metadata: Metadata::default(),
        }
    }

    /// A typed event, with a new id.
    ///
    /// # Errors
    /// [`EncodeError`] when the payload cannot be written as JSON.
    pub fn of<E: Event>(event: &E) -> Result<Self, EncodeError> {
        let payload = event.encode()?;
        Ok(Self::raw(EventType::from_static(event.event_type()), event.schema_version(), payload))
    }

    /// With an id of one's own: from an import, or to make a repetition harmless.
    #[must_use]
    pub fn with_id(mut self, id: EventId) -> Self {
        self.id = id;
        self
    }

    /// With the time it happened, cut to the microsecond.
    #[must_use]
    pub fn occurred_at(mut self, at: Timestamp) -> Self {
        self.occurred_at = Some(cut_time(at));
        self
    }

    /// With metadata.
    #[must_use]
    pub fn with_metadata(mut self, metadata: Metadata) -> Self {
        self.metadata = metadata;
        self
    }

    /// When it happened, as it is kept, if it is recorded at this time. For authors of stores.
    pub fn happened(&self, recorded_at: Timestamp) -> Timestamp {
        cut_time(self.occurred_at.unwrap_or(recorded_at))
    }

    /// How much room it takes in an append or in a page: the bytes of its payload and metadata.
    pub fn bytes(&self) -> usize {
        self.payload.as_str().len() + self.metadata.bytes()
    }

    /// The event as a store gives it back, once it has a place. For authors of stores.
    pub fn record(
        &self,
        stream: StreamId,
        version: StreamVersion,
        position: Position,
        recorded_at: Timestamp,
    ) -> RecordedEvent {
        RecordedEvent {
            id: self.id,
            stream,
            version,
            position,
            event_type: self.event_type.clone(),
            schema_version: self.schema_version,
            payload: self.payload.clone(),
            recorded_at: cut_time(recorded_at),
            occurred_at: self.happened(recorded_at),
            metadata: Arc::new(self.metadata.clone()),
        }
    }
}
