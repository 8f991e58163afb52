//! CloudEvents 1.0, in both modes.

use std::collections::BTreeMap;

use annals_core::{CloudEvent, Payload, SchemaUrn};
use jiff::Timestamp;
use serde::Serialize;

use super::{JSON, as_text, json, message};
use crate::message::Message;
use crate::outgoing::Outgoing;

/// The media type of the structured mode.
const CLOUDEVENTS_JSON: &str = "application/cloudevents+json";

const SPEC_VERSION: &str = "1.0";

/// The event with its [extensions] as one object, written as it is: it is made for every message that
/// leaves, and maps of texts cost more than all else about it.
#[derive(Serialize)]
struct Structured<'a> {
    specversion: &'a str,
    id: &'a str,
    source: &'a str,
    #[serde(rename = "type")]
    event_type: &'a str,
    subject: &'a str,
    time: Timestamp,
    datacontenttype: &'a str,
    #[serde(serialize_with = "as_text")]
    dataschema: SchemaUrn<'a>,
    #[serde(serialize_with = "as_text")]
    schemaversion: u32,
    #[serde(serialize_with = "as_text")]
    streamversion: u64,
    #[serde(skip_serializing_if = "is_first", serialize_with = "as_text")]
    partindex: usize,
    route: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    correlationid: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    causationid: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    traceparent: Option<&'a str>,
    data: &'a Payload,
}

fn is_first(index: &usize) -> bool {
    *index == 0
}

/// The extensions: names of lower-case letters and digits, as the specification wants them.
fn extensions(event: &Outgoing) -> impl Iterator<Item = (&'static str, String)> {
    let numbers = [
        ("schemaversion", Some(event.version.to_string())),
        ("streamversion", Some(event.stream_version.to_string())),
        ("partindex", (event.index > 0).then(|| event.index.to_string())),
        ("route", Some(event.route.to_owned())),
        ("correlationid", event.correlation.clone()),
        ("causationid", event.causation.clone()),
        ("traceparent", event.traceparent.clone()),
    ];
    numbers.into_iter().filter_map(|(name, value)| Some((name, value?)))
}

pub(super) fn structured(event: Outgoing) -> Message {
    let body = Structured {
        specversion: SPEC_VERSION,
        id: &event.id,
        source: &event.source,
        event_type: event.event_type,
        subject: event.stream.as_str(),
        time: event.time,
        datacontenttype: JSON,
        dataschema: CloudEvent::schema_urn(event.event_type, event.version),
        schemaversion: event.version,
        streamversion: event.stream_version,
        partindex: event.index,
        route: event.route,
        correlationid: event.correlation.as_deref(),
        causationid: event.causation.as_deref(),
        traceparent: event.traceparent.as_deref(),
        data: &event.data,
    };
    let body = json(&event, &body);
    message(event, CLOUDEVENTS_JSON, body)
}

pub(super) fn binary(event: Outgoing) -> Message {
    let attributes = [
        ("specversion", SPEC_VERSION.to_owned()),
        ("id", event.id.clone()),
        ("source", event.source.to_string()),
        ("type", event.event_type.to_owned()),
        ("subject", event.stream.to_string()),
        ("time", event.time.to_string()),
        ("dataschema", CloudEvent::schema_urn(event.event_type, event.version).to_string()),
    ];
    let attributes = attributes.into_iter().chain(extensions(&event));
    let attributes: BTreeMap<_, _> =
        attributes.map(|(name, value)| (name.to_owned(), value)).collect();
    let body = event.data.as_str().to_owned();
    Message { attributes, ..message(event, JSON, body) }
}
