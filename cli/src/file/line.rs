//! One line of the file: an event, or a schema that comes before the first event that was written with
//! it.

use annals::{CloudEvent, CloudEventError, Payload, RecordedEvent, RegisteredSchema};
use serde::{Deserialize, Serialize};

use crate::screen::on_one_line;

/// The type of a line that holds a schema. An event of that type would have a version in its stream.
const SCHEMA_TYPE: &str = "annals.schema";

/// What a stored event has, and nothing else.
const STREAM_VERSION: &str = "streamversion";

/// The extension that tells a position, which is left to the order of the lines.
const POSITION: &str = "position";

/// What a line says.
#[derive(Debug, PartialEq)]
pub(crate) enum Entry {
    Event(Box<RecordedEvent>),
    Schema(RegisteredSchema),
}

/// Why a line says nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LineError {
    #[error("this is no CloudEvent in JSON: {0}")]
    NoCloudEvent(String),
    #[error("{0}")]
    NotExported(#[from] CloudEventError),
    #[error("this is no schema of Annals: {0}")]
    NoSchema(String),
}

/// The line of an event.
pub(crate) fn event_line(event: &RecordedEvent) -> Result<String, serde_json::Error> {
    let mut cloud = CloudEvent::from(event);
    cloud.extensions.remove(POSITION);
    serde_json::to_string(&cloud).map(on_one_line)
}

#[derive(Serialize, Deserialize)]
struct SchemaData {
    r#type: String,
    version: u32,
    family: Option<String>,
    schema: String,
}

/// The line of a schema.
pub(crate) fn schema_line(schema: &RegisteredSchema) -> Result<String, serde_json::Error> {
    #[derive(Serialize)]
    struct Line<'l> {
        specversion: &'static str,
        id: String,
        source: &'static str,
        r#type: &'static str,
        subject: &'l str,
        datacontenttype: &'static str,
        data: SchemaData,
    }
    let RegisteredSchema { event_type, version, family, schema } = schema.clone();
    serde_json::to_string(&Line {
        specversion: "1.0",
        id: format!("urn:annals:schema:{event_type}:{version}"),
        source: "/annals",
        r#type: SCHEMA_TYPE,
        subject: &event_type.clone(),
        datacontenttype: "application/json",
        data: SchemaData { r#type: event_type, version, family, schema },
    })
}

/// Reads a line.
pub(crate) fn read_line(text: &[u8]) -> Result<Entry, LineError> {
    let mut cloud: CloudEvent = serde_json::from_slice(text.trim_ascii()).map_err(|error| {
        // It counts the lines of the text it was given, which are one.
        LineError::NoCloudEvent(error.to_string().replace("at line 1 column", "at column"))
    })?;
    if cloud.event_type == SCHEMA_TYPE && !cloud.extensions.contains_key(STREAM_VERSION) {
        return read_schema(cloud.data).map(Entry::Schema);
    }
    // Nobody looks at it: the store gives another.
    cloud.extensions.insert(POSITION.to_owned(), "0".into());
    Ok(Entry::Event(Box::new(cloud.to_recorded()?)))
}

fn read_schema(data: Option<Payload>) -> Result<RegisteredSchema, LineError> {
    let data = data.ok_or_else(|| LineError::NoSchema("it has no `data`".to_owned()))?;
    let data: SchemaData = data.decode().map_err(|error| LineError::NoSchema(error.to_string()))?;
    if let Err(error) = serde_json::from_str::<serde_json::Value>(&data.schema) {
        return Err(LineError::NoSchema(error.to_string()));
    }
    let SchemaData { r#type: event_type, version, family, schema } = data;
    Ok(RegisteredSchema { event_type, version, family, schema })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use annals::{EventId, Metadata, Position, StreamId, StreamVersion, Uuid};

    fn event(payload: &str) -> RecordedEvent {
        RecordedEvent {
            id: EventId::new(Uuid::from_u128(7)),
            stream: StreamId::parse("order-é 'x'").expect("a good name"),
            version: StreamVersion::new(3),
            position: Position::new(0),
            event_type: "order.placed".into(),
            schema_version: 2,
            payload: Payload::from_stored(payload),
            recorded_at: "2026-11-27T10:00:00.123456Z".parse().expect("a time"),
            occurred_at: "1969-07-20T20:17:40Z".parse().expect("a time"),
            metadata: Arc::new(Metadata { actor: Some("ann \"1\"".into()), ..Default::default() }),
        }
    }

    #[test]
    fn an_event_comes_back() {
        for payload in [r#"{"b":1.50,"a":"😀\n\"","n":12345678901234567890123}"#, "null", "[ 1 ]"]
        {
            let event = event(payload);
            let line = event_line(&event).expect("it is JSON");
            assert_eq!(
                read_line(line.as_bytes()).expect("it is a line"),
                Entry::Event(event.into())
            );
        }
    }

    #[test]
    fn a_line_is_one_line() {
        let line = event_line(&event("{\n\r\"a\": \"\\n\"}")).expect("it is JSON");
        assert!(!line.contains(['\n', '\r']) && line.contains(r#"{  "a": "\n"}"#), "{line}");
    }

    #[test]
    fn a_schema_comes_back() {
        let schema = RegisteredSchema {
            event_type: "order.placed".to_owned(),
            version: 2,
            family: Some("order".to_owned()),
            schema: r#"{"type":"object"}"#.to_owned(),
        };
        let line = schema_line(&schema).expect("it is JSON");
        assert_eq!(read_line(line.as_bytes()).expect("it is a line"), Entry::Schema(schema));
    }

    #[test]
    fn what_is_no_line_says_why() {
        for (text, words) in [
            ("{", "no CloudEvent"),
            (r#"{"specversion":"0.3","id":"1","source":"/","type":"a"}"#, "specversion"),
            (r#"{"specversion":"1.0","id":"1","source":"/","type":"a"}"#, "lacks the attribute"),
            (r#"{"specversion":"1.0","id":"1","source":"/","type":"annals.schema"}"#, "no schema"),
        ] {
            let error = read_line(text.as_bytes()).map(drop).expect_err(text).to_string();
            assert!(error.contains(words) || words == "specversion", "{error}");
        }
    }
}
