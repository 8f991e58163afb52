//! A public event on its way out, before it is put into an envelope.

use std::sync::Arc;

use annals_core::{Payload, RecordedEvent, StreamId};
use jiff::Timestamp;

/// A public event on its way out, with what an envelope can say about it.
#[derive(Debug, Clone, PartialEq)]
pub struct Outgoing {
    /// The id of the private event; with `-1`, `-2`, … for the second, third, … that it became.
    pub id: String,
    /// Who tells it.
    pub source: Arc<str>,
    /// The name of the public event.
    pub event_type: &'static str,
    /// The version of its schema.
    pub version: u32,
    /// The stream of the private event.
    pub stream: StreamId,
    /// Its place in that stream.
    pub stream_version: u64,
    /// Which of the public events it is that the private event became, from 0.
    pub index: usize,
    /// The route that sends it.
    pub route: &'static str,
    /// By what it is kept in order.
    pub key: String,
    /// When it happened.
    pub time: Timestamp,
    /// What all events of one business flow share.
    pub correlation: Option<String>,
    /// What led to the private event.
    pub causation: Option<String>,
    /// The W3C trace context of the private event.
    pub traceparent: Option<String>,
    /// The payload.
    pub data: Payload,
}

impl Outgoing {
    /// What an event becomes, without its own name and payload.
    pub(crate) fn of(
        event: &RecordedEvent,
        index: usize,
        (source, route, key): (&Arc<str>, &'static str, &str),
        (event_type, version, data): (&'static str, u32, Payload),
    ) -> Self {
        let id = match index {
            0 => event.id.to_string(),
            index => format!("{}-{index}", event.id),
        };
        Self {
            id,
            source: source.clone(),
            event_type,
            version,
            stream: event.stream.clone(),
            stream_version: event.version.get(),
            index,
            route,
            key: key.to_owned(),
            time: event.occurred_at,
            correlation: event.metadata.correlation_id.clone(),
            causation: event.metadata.causation_id.clone(),
            traceparent: event.metadata.traceparent.clone(),
            data,
        }
    }
}
