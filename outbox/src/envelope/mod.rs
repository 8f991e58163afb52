//! The forms in which public events travel.

mod cloudevents;
mod debezium;
mod plain;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::message::Message;
use crate::outgoing::Outgoing;

/// The media type of JSON.
const JSON: &str = "application/json";

/// In what form public events travel.
///
/// | form | body | what a receiver of Annals absorbs repetitions by |
/// |---|---|---|
/// | [`CloudEvents`](Self::CloudEvents) | CloudEvents 1.0 as JSON | the place in its stream |
/// | [`CloudEventsBinary`](Self::CloudEventsBinary) | the payload, attributes as headers | the place in its stream |
/// | [`Plain`](Self::Plain) | `event_id`, `event_type`, `event_version`, … | the id |
/// | [`TypeTimeData`](Self::TypeTimeData) | `eventType`, `timestamp`, `data` | nothing: there is no id |
/// | [`Debezium`](Self::Debezium) | the payload, headers as of Debezium's outbox | the id |
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Envelope {
    /// [CloudEvents 1.0](https://github.com/cloudevents/spec), structured: one JSON object.
    #[default]
    CloudEvents,
    /// CloudEvents 1.0, binary: the body is the payload, the attributes are headers of the broker.
    CloudEventsBinary,
    /// A JSON object with `event_id`, `event_type`, `event_version`, `timestamp`, `source`,
    /// `correlation_id` and `data`.
    Plain,
    /// A JSON object with `eventType`, `timestamp` and `data`.
    TypeTimeData,
    /// The payload, with the headers that the outbox event router of
    /// [Debezium](https://debezium.io/documentation/reference/stable/transformations/outbox-event-router.html)
    /// sends: `id`, and `eventType` as its documentation places it.
    Debezium,
}

impl Envelope {
    /// Puts a public event into the envelope.
    pub fn seal(self, event: Outgoing) -> Message {
        match self {
            Self::CloudEvents => cloudevents::structured(event),
            Self::CloudEventsBinary => cloudevents::binary(event),
            Self::Plain => plain::with_id(event),
            Self::TypeTimeData => plain::without_id(event),
            Self::Debezium => debezium::message_of(event),
        }
    }
}

/// A message of an event, with this body and no headers yet.
fn message(event: Outgoing, content_type: &str, body: impl Into<Bytes>) -> Message {
    Message {
        id: event.id,
        key: event.key,
        content_type: content_type.to_owned(),
        attributes: std::collections::BTreeMap::new(),
        headers: std::collections::BTreeMap::new(),
        body: body.into(),
    }
}

/// How much an envelope adds to a payload, in bytes, so that the room for it is taken once.
const AROUND: usize = 512;

/// Writes what is always JSON: texts, numbers and payloads that were checked.
fn json(event: &Outgoing, value: &impl serde::Serialize) -> Vec<u8> {
    let mut written = Vec::with_capacity(event.data.as_str().len() + AROUND);
    serde_json::to_writer(&mut written, value)
        .expect("texts, numbers and payloads are always JSON");
    written
}

/// Writes a number, or what else has a text, as a text.
fn as_text<S: serde::Serializer>(value: impl std::fmt::Display, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(&value)
}

#[cfg(test)]
mod tests;
