//! Requests and replies as messages: JSON bodies, and headers that say the rest.

use std::collections::BTreeMap;

use bytes::Bytes;
use uuid::Uuid;

use crate::address::Address;
use crate::message::Message;

/// What a request is known by, whenever and however often it is sent.
pub(super) const REQUEST_ID: &str = "request-id";
/// What tells one sending of a request from every other, and its reply from all others.
pub(super) const CORRELATION_ID: &str = "correlation-id";
/// Where the reply goes.
pub(super) const REPLY_TO: &str = "reply-to";
/// The routing key of that place, where it has one.
pub(super) const REPLY_ROUTING_KEY: &str = "reply-routing-key";
/// [`ANSWERED`] or [`REFUSED`]; a reply without it is an answer.
pub(super) const REPLY_STATUS: &str = "reply-status";
/// The W3C trace context of whoever asks.
pub(super) const TRACEPARENT: &str = "traceparent";

/// The body is the answer.
pub(super) const ANSWERED: &str = "answered";
/// The body is text: why there will be no answer.
pub(super) const REFUSED: &str = "refused";

const JSON: &str = "application/json";

/// A request. The message is known by this sending of it and not by the request's id: a broker that drops what
/// it knows would otherwise drop the request when it is sent once more for its answer.
pub(super) fn request(
    (id, correlation): (Uuid, Uuid),
    reply_to: &Address,
    traceparent: Option<String>,
    body: Bytes,
) -> Message {
    let correlation = correlation.to_string();
    let mut headers = BTreeMap::from([
        (REQUEST_ID.to_owned(), id.to_string()),
        (CORRELATION_ID.to_owned(), correlation.clone()),
        (REPLY_TO.to_owned(), reply_to.name.clone()),
    ]);
    let optional = [(REPLY_ROUTING_KEY, reply_to.routing_key.clone()), (TRACEPARENT, traceparent)];
    let optional = optional.into_iter();
    headers.extend(optional.filter_map(|(name, value)| Some((name.to_owned(), value?))));
    Message {
        id: correlation,
        // Repetitions of a request come in order.
        key: id.to_string(),
        content_type: JSON.to_owned(),
        attributes: BTreeMap::new(),
        headers,
        body,
    }
}

/// A reply to one sending of a request.
pub(super) fn reply(correlation: &str, said: &Said) -> Message {
    let (status, content_type) = match said {
        Said::Answer(_) => (ANSWERED, JSON),
        Said::Refusal(_) => (REFUSED, "text/plain"),
    };
    Message {
        id: format!("{correlation}-reply"),
        key: correlation.to_owned(),
        content_type: content_type.to_owned(),
        attributes: BTreeMap::new(),
        headers: BTreeMap::from([
            (CORRELATION_ID.to_owned(), correlation.to_owned()),
            (REPLY_STATUS.to_owned(), status.to_owned()),
        ]),
        body: said.body().clone(),
    }
}

/// What is said to a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Said {
    /// JSON.
    Answer(Bytes),
    /// Why not, as text.
    Refusal(Bytes),
}

impl Said {
    pub(super) fn refusal(why: impl Into<String>) -> Self {
        Self::Refusal(why.into().into())
    }

    /// What a reply says.
    pub(super) fn of(reply: Message) -> Self {
        match reply.headers.get(REPLY_STATUS).map(String::as_str) {
            Some(REFUSED) => Self::Refusal(reply.body),
            _ => Self::Answer(reply.body),
        }
    }

    pub(super) fn body(&self) -> &Bytes {
        match self {
            Self::Answer(body) | Self::Refusal(body) => body,
        }
    }

    /// As metrics name it.
    pub(super) fn outcome(&self) -> &'static str {
        match self {
            Self::Answer(_) => ANSWERED,
            Self::Refusal(_) => REFUSED,
        }
    }
}
