//! CloudEvents 1.0, in both modes.

use std::collections::BTreeMap;

use annals_core::CloudEvent;
use serde_json::Value;

use super::{JSON, json, message};
use crate::message::Message;
use crate::outgoing::Outgoing;

/// The media type of the structured mode.
const CLOUDEVENTS_JSON: &str = "application/cloudevents+json";

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

fn schema(event: &Outgoing) -> String {
    CloudEvent::schema_urn(&event.event_type, event.version)
}

pub(super) fn structured(event: &Outgoing) -> Message {
    let text = |(name, value): (&str, String)| (name.to_owned(), Value::String(value));
    let body = CloudEvent {
        specversion: annals_core::SpecVersion::V1,
        id: event.id.clone(),
        source: event.source.clone(),
        event_type: event.event_type.clone(),
        subject: Some(event.stream.clone()),
        time: Some(event.time),
        datacontenttype: Some(JSON.to_owned()),
        dataschema: Some(schema(event)),
        data: Some(event.data.clone()),
        data_base64: None,
        extensions: extensions(event).map(text).collect(),
    };
    message(event, CLOUDEVENTS_JSON, json(&body))
}

pub(super) fn binary(event: &Outgoing) -> Message {
    let attributes = [
        ("specversion", "1.0".to_owned()),
        ("id", event.id.clone()),
        ("source", event.source.clone()),
        ("type", event.event_type.clone()),
        ("subject", event.stream.clone()),
        ("time", event.time.to_string()),
        ("dataschema", schema(event)),
    ];
    let attributes = attributes.into_iter().chain(extensions(event));
    let attributes: BTreeMap<_, _> =
        attributes.map(|(name, value)| (name.to_owned(), value)).collect();
    let body = event.data.as_str().to_owned();
    Message { attributes, ..message(event, JSON, body) }
}
