//! CloudEvents 1.0, JSON format, in and out.
//!
//! Source: CloudEvents specification 1.0.2 and its JSON event format,
//! <https://github.com/cloudevents/spec>.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::{EventId, Metadata, NewEvent, RecordedEvent};
use crate::names::{InvalidName, Position, StreamId, StreamVersion};
use crate::payload::Payload;
use crate::time::cut_time;

/// The `source` of events that name none: the specification wants one.
const DEFAULT_SOURCE: &str = "/annals";

/// The schema version is part of `dataschema`: `urn:annals:schema:<type>:<version>`.
const SCHEMA_URN: &str = "urn:annals:schema:";

/// The media type of every payload, unless it came with another that is JSON too.
const JSON: &str = "application/json";

/// Attributes of the specification that an event may have come with, and that are kept under their
/// own names.
const CONTEXT: [&str; 4] = ["id", "subject", "dataschema", "datacontenttype"];

/// Extensions that tell an event's place in a store: in another it has another.
const OUR_PLACE: [&str; 6] =
    ["streamversion", "position", "recordedat", "eventid", "stream", "schemaversion"];

type Pairs = BTreeMap<String, String>;

/// An event in the CloudEvents 1.0 JSON format. Attributes that Annals does not use are kept in
/// [`extensions`](Self::extensions).
///
/// ```
/// use annals_core::CloudEvent;
///
/// let text = r#"{"specversion":"1.0","id":"A-1","source":"/shop","type":"order.placed","data":{"lines":3}}"#;
/// let event: CloudEvent = serde_json::from_str(text)?;
/// let new = event.to_new_event()?;
/// assert_eq!(new.event_type.as_str(), "order.placed");
/// assert_eq!(new.payload.as_str(), r#"{"lines":3}"#);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CloudEvent {
    /// Always `1.0`.
    pub specversion: SpecVersion,
    /// Unique together with the source.
    pub id: String,
    /// Where it happened, as a URI reference.
    pub source: String,
    /// What happened.
    #[serde(rename = "type")]
    pub event_type: String,
    /// What it happened to: the stream.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// When it happened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<Timestamp>,
    /// The media type of the data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub datacontenttype: Option<String>,
    /// The schema of the data, as a URI.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dataschema: Option<String>,
    /// The data as JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<Payload>,
    /// The data in base64, when it is no JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_base64: Option<String>,
    /// All other attributes.
    #[serde(flatten)]
    pub extensions: BTreeMap<String, Value>,
}

/// The URN of a schema, to be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SchemaUrn<'t> {
    event_type: &'t str,
    version: u32,
}

impl fmt::Display for SchemaUrn<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{SCHEMA_URN}{}:{}", self.event_type, self.version)
    }
}

/// The version of the specification, `1.0` and no other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum SpecVersion {
    /// Version 1.0.
    #[serde(rename = "1.0")]
    V1,
}

/// A CloudEvent that cannot become an event here.
#[derive(Debug, thiserror::Error)]
pub enum CloudEventError {
    /// A required attribute is empty.
    #[error("the attribute `{0}` must not be empty")]
    Empty(&'static str),
    /// The data is not JSON.
    #[error("event `{id}` carries {found}: only JSON data can be stored")]
    NotJson {
        /// The event's id.
        id: String,
        /// What it carries.
        found: String,
    },
    /// It lacks what only a stored event has.
    #[error("event `{id}` lacks the attribute `{attribute}`, so it was not exported from a store")]
    NotRecorded {
        /// The event's id.
        id: String,
        /// What is missing or unreadable.
        attribute: &'static str,
    },
    /// The subject is no stream.
    #[error(transparent)]
    Subject(#[from] InvalidName),
}

impl From<&RecordedEvent> for CloudEvent {
    /// Events that were recorded here have their stream as subject. What came in as a CloudEvent
    /// goes out as it came in; its place here is told by extensions.
    fn from(event: &RecordedEvent) -> Self {
        let metadata = &event.metadata;
        let came_with = |name| metadata.attributes.get(name).and_then(Value::as_str);
        let mut extensions = BTreeMap::new();
        let mut extend = |name: &str, value: Option<String>| {
            if let Some(value) = value {
                extensions.insert(name.to_owned(), Value::String(value));
            }
        };
        extend("streamversion", Some(event.version.to_string()));
        extend("position", Some(event.position.to_string()));
        extend("recordedat", Some(event.recorded_at.to_string()));
        extend("correlationid", metadata.correlation_id.clone());
        extend("causationid", metadata.causation_id.clone());
        extend("traceparent", metadata.traceparent.clone());
        extend("actor", metadata.actor.clone());
        // A map of strings is always JSON.
        let custom = serde_json::to_string(&metadata.custom).unwrap_or_default();
        extend("metadata", (!metadata.custom.is_empty()).then_some(custom));
        extend("eventid", came_with("id").map(|_| event.id.to_string()));
        extend("stream", came_with("subject").map(|_| event.stream.to_string()));
        extend("schemaversion", came_with("dataschema").map(|_| event.schema_version.to_string()));
        let others = metadata.attributes.iter();
        let others = others.filter(|(name, _)| !CONTEXT.contains(&name.as_str()));
        extensions.extend(others.map(|(name, value)| (name.clone(), value.clone())));
        let own_schema =
            || Self::schema_urn(event.event_type.as_str(), event.schema_version).to_string();
        Self {
            specversion: SpecVersion::V1,
            id: came_with("id").map_or_else(|| event.id.to_string(), str::to_owned),
            source: metadata.source.clone().unwrap_or_else(|| DEFAULT_SOURCE.to_owned()),
            event_type: event.event_type.to_string(),
            subject: Some(
                came_with("subject").map_or_else(|| event.stream.to_string(), str::to_owned),
            ),
            time: Some(event.occurred_at),
            datacontenttype: Some(came_with("datacontenttype").unwrap_or(JSON).to_owned()),
            dataschema: Some(came_with("dataschema").map_or_else(own_schema, str::to_owned)),
            data: Some(event.payload.clone()),
            data_base64: None,
            extensions,
        }
    }
}

impl CloudEvent {
    /// The `dataschema` of a version of an event's payload.
    pub fn schema_urn(event_type: &str, version: u32) -> SchemaUrn<'_> {
        SchemaUrn { event_type, version }
    }

    /// An event to append. An id that is no UUID becomes a UUID of version 5 of source and id, so
    /// that the same CloudEvent is always the same event. What has no field in an envelope, such as
    /// the subject and extensions that Annals does not know, goes into
    /// [`Metadata::attributes`].
    ///
    /// # Errors
    /// [`CloudEventError`] when a required attribute is empty or the data is not JSON.
    pub fn to_new_event(&self) -> Result<NewEvent, CloudEventError> {
        let mut event = self.envelope()?;
        let mut keep = |name: &str, value: Option<&String>| {
            if let Some(value) = value {
                event.metadata.attributes.insert(name.to_owned(), Value::String(value.clone()));
            }
        };
        keep("subject", self.subject.as_ref());
        keep("dataschema", self.dataschema.as_ref().filter(|schema| !is_ours(schema)));
        keep("datacontenttype", self.datacontenttype.as_ref().filter(|media| *media != JSON));
        keep("id", Some(&self.id).filter(|id| id.parse::<Uuid>().is_err()));
        Ok(event)
    }

    /// The stored event that was written with [`From<&RecordedEvent>`](Self::from): the way back.
    ///
    /// # Errors
    /// [`CloudEventError`] when an attribute of a stored event is missing.
    pub fn to_recorded(&self) -> Result<RecordedEvent, CloudEventError> {
        let missing = |attribute| CloudEventError::NotRecorded { id: self.id.clone(), attribute };
        let mut new = self.to_new_event()?;
        let id = self.text("eventid").unwrap_or(&self.id);
        let id = id.parse().map_err(|_| missing("id"))?;
        let number = |name: &'static str| -> Result<u64, CloudEventError> {
            self.text(name).and_then(|text| text.parse().ok()).ok_or_else(|| missing(name))
        };
        let stream = match (self.text("stream"), &self.subject) {
            (Some(stream), _) => stream,
            (None, Some(stream)) => {
                new.metadata.attributes.remove("subject");
                stream
            }
            (None, None) => return Err(missing("subject")),
        };
        let mut metadata = new.metadata;
        metadata.source = metadata.source.filter(|source| source != DEFAULT_SOURCE);
        Ok(RecordedEvent {
            id,
            stream: StreamId::parse(stream)?,
            version: StreamVersion::new(number("streamversion")?),
            position: Position::new(number("position")?),
            event_type: new.event_type,
            schema_version: number("schemaversion")
                .ok()
                .and_then(|version| version.try_into().ok())
                .unwrap_or(new.schema_version),
            payload: new.payload,
            recorded_at: self
                .text("recordedat")
                .and_then(|text| text.parse().ok())
                .ok_or_else(|| missing("recordedat"))?,
            occurred_at: self.time.map(cut_time).ok_or_else(|| missing("time"))?,
            metadata: Arc::new(metadata),
        })
    }

    /// What has a field in an envelope.
    fn envelope(&self) -> Result<NewEvent, CloudEventError> {
        for (name, value) in
            [("id", &self.id), ("source", &self.source), ("type", &self.event_type)]
        {
            if value.is_empty() {
                return Err(CloudEventError::Empty(name));
            }
        }
        let id = self.id.parse().map(EventId::new).unwrap_or_else(|_| {
            let name = format!("{} {}", self.source, self.id);
            EventId::new(Uuid::new_v5(&Uuid::NAMESPACE_URL, name.as_bytes()))
        });
        let (event_type, version) = (self.event_type.as_str(), self.schema_version());
        let event = NewEvent::identified(id, event_type, version, self.json_data()?);
        let event = event.with_metadata(self.metadata());
        Ok(NewEvent { occurred_at: self.time.map(cut_time), ..event })
    }

    fn text(&self, extension: &str) -> Option<&str> {
        self.extensions.get(extension).and_then(Value::as_str)
    }

    fn schema_version(&self) -> u32 {
        let urn = self.dataschema.as_deref().and_then(|schema| schema.strip_prefix(SCHEMA_URN));
        urn.and_then(|urn| urn.rsplit_once(':')?.1.parse().ok()).unwrap_or(1)
    }

    fn json_data(&self) -> Result<Payload, CloudEventError> {
        let not_json = |found: String| CloudEventError::NotJson { id: self.id.clone(), found };
        if self.data_base64.is_some() {
            return Err(not_json("binary data".to_owned()));
        }
        if let Some(media) = &self.datacontenttype {
            let essence = media.split(';').next().unwrap_or(media).trim().to_ascii_lowercase();
            if !(essence.ends_with("/json") || essence.ends_with("+json")) {
                return Err(not_json(format!("data of type `{media}`")));
            }
        }
        Ok(self.data.clone().unwrap_or_else(|| Payload::from_stored("null")))
    }

    fn metadata(&self) -> Metadata {
        let mut metadata = Metadata { source: Some(self.source.clone()), ..Metadata::default() };
        // The specification: an attribute that is null is an attribute that is not set.
        for (name, value) in self.extensions.iter().filter(|(_, value)| !value.is_null()) {
            match (name.as_str(), value) {
                ("correlationid", Value::String(text)) => {
                    metadata.correlation_id = Some(text.clone());
                }
                ("causationid", Value::String(text)) => metadata.causation_id = Some(text.clone()),
                ("traceparent", Value::String(text)) => metadata.traceparent = Some(text.clone()),
                ("actor", Value::String(text)) => metadata.actor = Some(text.clone()),
                (name, _) if OUR_PLACE.contains(&name) => {}
                ("metadata", Value::String(text)) => match serde_json::from_str::<Pairs>(text) {
                    Ok(custom) => metadata.custom = custom,
                    Err(_) => {
                        metadata.attributes.insert(name.clone(), value.clone());
                    }
                },
                // A name of the specification's own would be taken for what came in its place.
                (name, _) if CONTEXT.contains(&name) => {}
                _ => {
                    metadata.attributes.insert(name.clone(), value.clone());
                }
            }
        }
        metadata
    }
}

fn is_ours(schema: &str) -> bool {
    schema.starts_with(SCHEMA_URN)
}
