//! Headers as Debezium's outbox event router sends them.

use super::{JSON, message};
use crate::message::Message;
use crate::outgoing::Outgoing;

pub(super) fn message_of(event: &Outgoing) -> Message {
    let body = event.data.as_str().to_owned();
    let mut sealed = message(event, JSON, body);
    let headers = [("id", &event.id), ("eventType", &event.event_type)];
    let trace = event.traceparent.as_ref().map(|trace| ("traceparent", trace));
    let headers = headers.into_iter().chain(trace);
    sealed.headers.extend(headers.map(|(name, value)| (name.to_owned(), value.clone())));
    sealed
}
