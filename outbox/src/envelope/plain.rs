//! Plain JSON objects, as many services write them.

use annals_core::Payload;
use jiff::Timestamp;
use serde::Serialize;

use super::{JSON, json, message};
use crate::message::Message;
use crate::outgoing::Outgoing;

#[derive(Serialize)]
struct WithId<'e> {
    event_id: &'e str,
    event_type: &'e str,
    event_version: String,
    timestamp: Timestamp,
    source: &'e str,
    #[serde(skip_serializing_if = "Option::is_none")]
    correlation_id: Option<&'e str>,
    data: &'e Payload,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct WithoutId<'e> {
    event_type: &'e str,
    timestamp: Timestamp,
    data: &'e Payload,
}

pub(super) fn with_id(event: Outgoing) -> Message {
    let body = WithId {
        event_id: &event.id,
        event_type: event.event_type,
        event_version: format!("{}.0", event.version),
        timestamp: event.time,
        source: &event.source,
        correlation_id: event.correlation.as_deref(),
        data: &event.data,
    };
    let body = json(&event, &body);
    message(event, JSON, body)
}

pub(super) fn without_id(event: Outgoing) -> Message {
    let Outgoing { event_type, time, data, .. } = &event;
    let body = json(&event, &WithoutId { event_type, timestamp: *time, data });
    message(event, JSON, body)
}
