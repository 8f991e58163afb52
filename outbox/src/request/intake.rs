//! A request as the engine takes it in: an event whose payload says all that the answer needs.

use std::sync::Arc;

use annals_core::{
    EventId, EventType, Metadata, Payload, Position, RecordedEvent, StreamId, StreamVersion,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::wire::{CORRELATION_ID, REPLY_ROUTING_KEY, REPLY_TO, REQUEST_ID, TRACEPARENT};
use crate::address::Address;
use crate::message::Message;
use crate::reading::unreadable;

/// The type of the events that stand for requests.
pub(super) const REQUEST: EventType = EventType::from_static("annals.request");

/// What came with a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Taken {
    pub(super) id: String,
    pub(super) correlation: String,
    reply_to: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    routing_key: Option<String>,
    /// None where it is no text.
    pub(super) body: Option<String>,
}

impl Taken {
    /// Where the reply goes.
    pub(super) fn reply_to(&self) -> Address {
        Address { name: self.reply_to.clone(), routing_key: self.routing_key.clone() }
    }
}

/// The event that a message stands for. Whoever knows no request ids has its messages taken for requests
/// of their own, and whoever knows no correlation ids is told the message's id.
pub(super) fn event(message: &Message, origin: &str) -> RecordedEvent {
    match taken(message) {
        Ok(taken) => of(&taken, message, origin),
        Err(why) => unreadable::event(message, origin, why),
    }
}

fn taken(message: &Message) -> Result<Taken, &'static str> {
    let header = |name: &str| message.headers.get(name).filter(|value| !value.is_empty()).cloned();
    let reply_to = header(REPLY_TO)
        .ok_or("it says no place for its reply (header `reply-to`), so nobody could be answered")?;
    let message_id = Some(message.id.clone()).filter(|id| !id.is_empty());
    let correlation = header(CORRELATION_ID).or_else(|| message_id.clone()).ok_or(
        "it has neither a `correlation-id` nor an id of its own, so its reply would be nobody's",
    )?;
    Ok(Taken {
        id: header(REQUEST_ID).or(message_id).unwrap_or_else(|| correlation.clone()),
        correlation,
        reply_to,
        routing_key: header(REPLY_ROUTING_KEY),
        body: String::from_utf8(message.body.to_vec()).ok(),
    })
}

fn of(taken: &Taken, message: &Message, origin: &str) -> RecordedEvent {
    let Taken { id, correlation, reply_to, .. } = taken;
    // A message that the broker gives out again is the same, and is absorbed. A request that is asked
    // again has another correlation, and is answered again.
    let sending = format!("{origin} {} {id} {correlation} {reply_to}", message.id);
    let hashed = |text: &str| Uuid::new_v5(&Uuid::NAMESPACE_URL, text.as_bytes());
    let stream = StreamId::new("request", id)
        .or_else(|_| StreamId::new("request", hashed(id)))
        .expect("a category and a UUID are always a stream's name");
    let now = Timestamp::now();
    RecordedEvent {
        id: EventId::new(hashed(&sending)),
        stream,
        version: StreamVersion::new(0),
        position: Position::START,
        event_type: REQUEST,
        schema_version: 1,
        payload: Payload::encode(taken).expect("texts are always JSON"),
        recorded_at: now,
        occurred_at: now,
        metadata: Arc::new(Metadata {
            source: Some(origin.to_owned()),
            correlation_id: Some(correlation.clone()),
            traceparent: message.headers.get(TRACEPARENT).cloned(),
            ..Metadata::default()
        }),
    }
}
