//! A message, as its envelope shapes it.

use serde_json::{Map, Value, json};

use super::{reference, urn};
use crate::contract::Contract;
use crate::envelope::Envelope;
use crate::event_schema::EventSchema;

/// A public event in its route's envelope. `prefix` stands before the attributes of a binary CloudEvent,
/// `schema` is the key of the payload's.
pub(super) fn message(
    contract: &Contract,
    event: &EventSchema,
    prefix: &str,
    schema: &str,
) -> Value {
    let data = reference(&["components", "schemas", schema]);
    let (content_type, headers, payload) = match contract.envelope {
        Envelope::CloudEvents => {
            let mut fields = attributes(contract, event);
            fields.push(("datacontenttype", Some(constant("application/json")), true));
            fields.push(("data", Some(data), true));
            ("application/cloudevents+json", None, object(fields, ""))
        }
        Envelope::CloudEventsBinary => {
            ("application/json", Some(object(attributes(contract, event), prefix)), data)
        }
        Envelope::Plain => ("application/json", None, object(plain(contract, event, data), "")),
        Envelope::TypeTimeData => {
            let event_type = constant(&event.event_type);
            let fields = vec![
                ("eventType", Some(event_type), true),
                ("timestamp", Some(time()), true),
                ("data", Some(data), true),
            ];
            ("application/json", None, object(fields, ""))
        }
        Envelope::Debezium => {
            let fields = vec![
                ("id", None, true),
                ("eventType", Some(constant(&event.event_type)), true),
                ("traceparent", None, false),
            ];
            ("application/json", Some(object(fields, "")), data)
        }
    };
    let mut told = json!({
        "name": event.event_type,
        "title": format!("{} version {}", event.event_type, event.version),
        "contentType": content_type,
        "payload": payload,
    });
    if let Some(headers) = headers {
        told["headers"] = headers;
    }
    if let Some(Value::String(prose)) = event.schema.get("description") {
        told["summary"] = prose.as_str().into();
    }
    told
}

/// A field: its name, what is known of it beside that it is a text, and whether it is always there.
type Field = (&'static str, Option<Value>, bool);

/// The attributes and extensions of a CloudEvent.
fn attributes(contract: &Contract, event: &EventSchema) -> Vec<Field> {
    vec![
        ("specversion", Some(constant("1.0")), true),
        ("id", None, true),
        ("source", Some(constant(&contract.source)), true),
        ("type", Some(constant(&event.event_type)), true),
        ("subject", None, true),
        ("time", Some(time()), true),
        ("dataschema", Some(constant(&urn(event))), true),
        ("schemaversion", Some(constant(&event.version.to_string())), true),
        ("streamversion", Some(number()), true),
        ("partindex", Some(number()), false),
        ("route", Some(constant(&contract.route)), true),
        ("correlationid", None, false),
        ("causationid", None, false),
        ("traceparent", None, false),
    ]
}

fn plain(contract: &Contract, event: &EventSchema, data: Value) -> Vec<Field> {
    vec![
        ("event_id", None, true),
        ("event_type", Some(constant(&event.event_type)), true),
        ("event_version", Some(constant(&format!("{}.0", event.version))), true),
        ("timestamp", Some(time()), true),
        ("source", Some(constant(&contract.source)), true),
        ("correlation_id", None, false),
        ("data", Some(data), true),
    ]
}

fn object(fields: Vec<Field>, prefix: &str) -> Value {
    let required = fields.iter().filter(|(_, _, always)| *always);
    let required: Vec<_> = required.map(|(name, _, _)| format!("{prefix}{name}")).collect();
    let properties = fields.into_iter().map(|(name, known, _)| {
        (format!("{prefix}{name}"), known.unwrap_or_else(|| json!({ "type": "string" })))
    });
    let properties: Map<String, Value> = properties.collect();
    json!({ "type": "object", "required": required, "properties": properties })
}

fn constant(text: &str) -> Value {
    json!({ "type": "string", "const": text })
}

fn time() -> Value {
    json!({ "type": "string", "format": "date-time" })
}

/// Extensions of CloudEvents are texts.
fn number() -> Value {
    json!({ "type": "string", "pattern": "^[0-9]+$" })
}
