//! What surrounds a payload: who, when, where, and because of what.

mod cloudevents;
mod new_event;
mod recorded;
mod recorded_event;

pub use cloudevents::{CloudEvent, CloudEventError, SchemaUrn, SpecVersion};
pub use new_event::NewEvent;
pub use recorded::{InvalidAggregateId, Recorded};
pub use recorded_event::{EventType, RecordedEvent};

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

/// The id of an event, a UUID of version 7. It is also its idempotency key: appending the same id
/// again returns the first result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EventId(Uuid);

impl EventId {
    /// A new id, from the system's clock and random numbers.
    pub fn generate() -> Self {
        Self(Uuid::now_v7())
    }

    /// The id with this UUID.
    pub const fn new(id: Uuid) -> Self {
        Self(id)
    }

    /// The UUID.
    pub const fn get(self) -> Uuid {
        self.0
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for EventId {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, uuid::Error> {
        text.parse().map(Self)
    }
}

/// Where an event comes from and what led to it. Everything is optional.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Metadata {
    /// The service that emitted the event, as a URI reference.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// What all events of one business flow share.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub correlation_id: Option<String>,
    /// The id of the event or command that directly led to this event.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub causation_id: Option<String>,
    /// The W3C trace context, `00-<trace id>-<span id>-<flags>`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<String>,
    /// The user or machine on whose behalf it happened.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
    /// Free pairs of one's own.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub custom: BTreeMap<String, String>,
    /// Of an event that came in as a [`CloudEvent`]: the attributes that have no field of their own
    /// here, with their types, so that it goes out as it came in.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, Value>,
}

impl Metadata {
    /// What an event that follows from `event` carries: its correlation (or, if it has none, its
    /// id, which makes it the root of the flow) and its id as the cause.
    pub fn caused_by(event: &RecordedEvent) -> Self {
        let id = event.id.to_string();
        Self {
            correlation_id: Some(
                event.metadata.correlation_id.clone().unwrap_or_else(|| id.clone()),
            ),
            causation_id: Some(id),
            ..Self::default()
        }
    }

    /// Every text that there is, with the field it stands in.
    pub(crate) fn texts(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let fields = [
            ("source", &self.source),
            ("correlation_id", &self.correlation_id),
            ("causation_id", &self.causation_id),
            ("traceparent", &self.traceparent),
            ("actor", &self.actor),
        ];
        let fields = fields.into_iter().filter_map(|(name, text)| Some((name, text.as_deref()?)));
        let pairs = self.custom.iter().flat_map(|(key, text)| [key.as_str(), text.as_str()]);
        let mut attributes = Vec::new();
        for (name, value) in &self.attributes {
            attributes.push(name.as_str());
            texts_in(value, &mut attributes);
        }
        let attributes = attributes.into_iter().map(|text| ("attributes", text));
        fields.chain(pairs.map(|text| ("custom", text))).chain(attributes)
    }

    /// How much room the texts take.
    pub(crate) fn bytes(&self) -> usize {
        self.texts().map(|(_, text)| text.len()).sum()
    }
}

/// Every text of a JSON value, at any depth.
fn texts_in<'v>(value: &'v Value, texts: &mut Vec<&'v str>) {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
        Value::String(text) => texts.push(text),
        Value::Array(items) => items.iter().for_each(|item| texts_in(item, texts)),
        Value::Object(fields) => {
            for (key, value) in fields {
                texts.push(key);
                texts_in(value, texts);
            }
        }
    }
}
