//! An event, as people and programs see it.

use annals::{Metadata, Payload, RecordedEvent, Timestamp};
use serde::Serialize;

use super::{Screen, escaped, one_line};
use crate::failure::Failure;

/// How many characters of a payload a line shows.
const PAYLOAD_SHOWN: usize = 200;

/// An event with all that is known of it. The names of the fields stay.
#[derive(Serialize)]
pub(crate) struct EventJson<'e> {
    position: u64,
    stream: &'e str,
    version: u64,
    id: String,
    #[serde(rename = "type")]
    event_type: &'e str,
    schema_version: u32,
    recorded_at: Timestamp,
    occurred_at: Timestamp,
    payload: &'e Payload,
    metadata: &'e Metadata,
}

impl<'e> From<&'e RecordedEvent> for EventJson<'e> {
    fn from(event: &'e RecordedEvent) -> Self {
        Self {
            position: event.position.get(),
            stream: event.stream.as_str(),
            version: event.version.get(),
            id: event.id.to_string(),
            event_type: event.event_type.as_str(),
            schema_version: event.schema_version,
            recorded_at: event.recorded_at,
            occurred_at: event.occurred_at,
            payload: &event.payload,
            metadata: &event.metadata,
        }
    }
}

impl Screen {
    /// An event on one line.
    pub(crate) fn event(&mut self, event: &RecordedEvent) -> Result<(), Failure> {
        if self.is_json() {
            return self.json(&EventJson::from(event));
        }
        let line = format!(
            "{:>8}  {:<27}  {}@{}  {}  {}",
            event.position.get(),
            event.recorded_at.to_string(),
            escaped(event.stream.as_str()),
            event.version,
            escaped(event.event_type.as_str()),
            one_line(event.payload.as_str(), PAYLOAD_SHOWN),
        );
        self.line(&line)
    }

    /// An event with all that is known of it.
    pub(crate) fn whole_event(&mut self, event: &RecordedEvent) -> Result<(), Failure> {
        if self.is_json() {
            return self.json(&EventJson::from(event));
        }
        let metadata = &event.metadata;
        let mut facts = vec![
            ("position", event.position.to_string()),
            ("stream", event.stream.to_string()),
            ("version", event.version.to_string()),
            ("id", event.id.to_string()),
            ("type", event.event_type.to_string()),
            ("schema version", event.schema_version.to_string()),
            ("recorded at", event.recorded_at.to_string()),
            ("occurred at", event.occurred_at.to_string()),
        ];
        let known = [
            ("source", &metadata.source),
            ("correlation id", &metadata.correlation_id),
            ("causation id", &metadata.causation_id),
            ("traceparent", &metadata.traceparent),
            ("actor", &metadata.actor),
        ];
        facts.extend(known.into_iter().filter_map(|(name, text)| Some((name, text.clone()?))));
        for (name, text) in facts {
            self.line(&format!("{name:<15} {}", escaped(&text)))?;
        }
        for (name, text) in &metadata.custom {
            self.line(&format!("{:<15} {} = {}", "metadata", escaped(name), escaped(text)))?;
        }
        for (name, value) in &metadata.attributes {
            let value = one_line(&value.to_string(), usize::MAX);
            self.line(&format!("{:<15} {} = {value}", "attribute", escaped(name)))?;
        }
        let payload = one_line(event.payload.as_str(), usize::MAX);
        self.line(&format!("{:<15} {payload}", "payload"))
    }
}
