//! What stands for a message that cannot be read.

use std::sync::Arc;

use annals_consumers::UNREADABLE;
use annals_core::{
    EventId, EventType, Metadata, Payload, Position, RecordedEvent, StreamId, StreamVersion,
};
use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use crate::message::Message;

/// All that came, and why it is no event.
#[derive(Serialize)]
struct Unreadable<'m> {
    reason: &'m str,
    id: &'m str,
    key: &'m str,
    content_type: &'m str,
    attributes: &'m std::collections::BTreeMap<String, String>,
    headers: &'m std::collections::BTreeMap<String, String>,
    /// As far as it is text.
    body: String,
    /// The bytes in hexadecimal digits, where they are no text.
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes: Option<String>,
}

/// The event that says so, whatever is asked of the message.
pub(crate) fn event(message: &Message, origin: &str, reason: &str) -> RecordedEvent {
    let Message { id, key, content_type, attributes, headers, body } = message;
    let whole = Unreadable {
        reason,
        id,
        key,
        content_type,
        attributes,
        headers,
        body: String::from_utf8_lossy(body).into_owned(),
        bytes: std::str::from_utf8(body).is_err().then(|| hexadecimal(body)),
    };
    // The same message is the same event, however often it comes.
    let mut name = format!("{origin} {id} {key} {content_type} ").into_bytes();
    name.extend_from_slice(body);
    let id = Uuid::new_v5(&Uuid::NAMESPACE_URL, &name);
    let own = || {
        let name = StreamId::new("message", id);
        name.expect("a category and a UUID are always a stream's name")
    };
    let now = Timestamp::now();
    RecordedEvent {
        id: EventId::new(id),
        stream: StreamId::parse(key.as_str()).unwrap_or_else(|_| own()),
        version: StreamVersion::new(0),
        position: Position::START,
        event_type: EventType::from_static(UNREADABLE),
        schema_version: 1,
        payload: Payload::encode(&whole).expect("texts are always JSON"),
        recorded_at: now,
        occurred_at: now,
        metadata: Arc::new(Metadata { source: Some(origin.to_owned()), ..Metadata::default() }),
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing into a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
