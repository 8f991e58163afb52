//! How messages become events.

mod binary;
mod mapping;
mod structured;
pub(crate) mod unreadable;

pub use mapping::Mapping;

use std::collections::BTreeMap;

use annals_core::{CloudEvent, EventType, Position, RecordedEvent, StreamId, StreamVersion};
use jiff::Timestamp;
use serde_json::Value;

use crate::message::Message;

/// The type of an event that a consumer passes by: it is counted and acknowledged, and has no effect.
pub(crate) use annals_consumers::PASSED_BY;

/// What becomes of messages of a type that a consumer does not know.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub enum Unknown {
    /// They park their key: nothing is lost, and somebody has to look.
    #[default]
    Park,
    /// They are counted (`annals_inbox_passed_by_total`) and passed by.
    PassBy,
}

/// How messages become events: CloudEvents in both modes, unless a [`Mapping`] says otherwise.
///
/// What cannot be read is never lost: it parks its key, with the reason and all that came.
///
/// ```
/// use annals_outbox::{Mapping, Reading, Unknown};
///
/// let reading = Reading::mapped(
///     Mapping::new("/eventType", "/data").time("/timestamp").stream("customer", "/data/customerId"),
/// )
/// .renamed("CustomerUpdated", "crm.customer.updated")
/// .unknown_types(Unknown::PassBy);
/// # let _ = reading;
/// ```
#[derive(Debug, Default, Clone)]
pub struct Reading {
    mapping: Option<Mapping>,
    renamed: BTreeMap<String, String>,
    unknown: Unknown,
}

impl Reading {
    /// CloudEvents 1.0, structured or binary.
    pub fn cloudevents() -> Self {
        Self::default()
    }

    /// JSON of any shape.
    pub fn mapped(mapping: Mapping) -> Self {
        Self { mapping: Some(mapping), ..Self::default() }
    }

    /// Takes messages of a foreign type as events of a type of one's own.
    #[must_use]
    pub fn renamed(mut self, foreign: impl Into<String>, own: impl Into<String>) -> Self {
        self.renamed.insert(foreign.into(), own.into());
        self
    }

    /// What becomes of messages of other types than the consumer's. Default: they are parked.
    #[must_use]
    pub fn unknown_types(self, unknown: Unknown) -> Self {
        Self { unknown, ..self }
    }

    /// The event that a message stands for, for a consumer of these types. What cannot be read becomes an
    /// event that says so.
    pub(crate) fn event(
        &self,
        message: &Message,
        origin: &str,
        types: &[EventType],
    ) -> RecordedEvent {
        match self.read(message) {
            Ok(mut event) => {
                if let Some(own) = self.renamed.get(event.event_type.as_str()) {
                    event.event_type = own.as_str().into();
                }
                match types.is_empty() || types.contains(&event.event_type) {
                    true => event,
                    false if self.unknown == Unknown::PassBy => {
                        RecordedEvent { event_type: EventType::from_static(PASSED_BY), ..event }
                    }
                    false => {
                        let why = format!("no event here is called `{}`", event.event_type);
                        unreadable::event(message, origin, &why)
                    }
                }
            }
            Err(why) => unreadable::event(message, origin, &why),
        }
    }

    fn read(&self, message: &Message) -> Result<RecordedEvent, String> {
        let event = match &self.mapping {
            Some(mapping) => mapping.read(message)?,
            None if message.attributes.is_empty() => structured::read(message)?,
            None => binary::read(message)?,
        };
        recorded(&event, message)
    }
}

/// The event that a CloudEvent from elsewhere is.
fn recorded(event: &CloudEvent, message: &Message) -> Result<RecordedEvent, String> {
    let text = |name: &str| event.extensions.get(name).and_then(Value::as_str);
    let version = text("streamversion").and_then(|version| version.parse().ok()).unwrap_or(0);
    let schema = text("schemaversion").and_then(|version| version.parse().ok());
    let new = event.to_new_event().map_err(|error| error.to_string())?;
    let named = [event.subject.as_deref(), Some(&*message.key)].into_iter().flatten();
    let stream = named.filter_map(|name| StreamId::parse(name).ok()).next();
    let stream = match stream {
        Some(stream) => stream,
        None => StreamId::new("message", new.id).map_err(|error| error.to_string())?,
    };
    Ok(RecordedEvent {
        id: new.id,
        stream,
        version: StreamVersion::new(version),
        position: Position::START,
        schema_version: schema.unwrap_or(new.schema_version),
        event_type: new.event_type,
        payload: new.payload,
        recorded_at: Timestamp::now(),
        occurred_at: new.occurred_at.unwrap_or_else(Timestamp::now),
        metadata: std::sync::Arc::new(new.metadata),
    })
}

/// A text of the body.
fn text(message: &Message) -> Result<&str, String> {
    std::str::from_utf8(&message.body).map_err(|error| format!("the body is no UTF-8: {error}"))
}

#[cfg(test)]
mod tests;
