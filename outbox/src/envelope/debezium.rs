//! Headers as Debezium's outbox event router sends them.

use super::{JSON, message};
use crate::message::Message;
use crate::outgoing::Outgoing;

pub(super) fn message_of(event: Outgoing) -> Message {
    let body = event.data.as_str().to_owned();
    let headers = [("id", event.id.clone()), ("eventType", event.event_type.to_owned())];
    let trace = event.traceparent.clone().map(|trace| ("traceparent", trace));
    let headers = headers.into_iter().chain(trace);
    let headers = headers.map(|(name, value)| (name.to_owned(), value)).collect();
    Message { headers, ..message(event, JSON, body) }
}
