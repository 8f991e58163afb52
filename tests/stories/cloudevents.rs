//! CloudEvents 1.0, in and out.
//!
//! The events that come in follow the cases of the specification's examples, one each: JSON Event
//! Format for CloudEvents 1.0.2, sections 2.2 and 3.2,
//! <https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md>.

use std::sync::Arc;

use annals_core::{
    CloudEvent, CloudEventError, EventId, Metadata, NewEvent, Payload, Position, RecordedEvent,
    StreamId, StreamVersion,
};
use serde_json::{Value, json};
use uuid::Uuid;

fn recorded() -> RecordedEvent {
    let some = |text: &str| Some(text.to_owned());
    RecordedEvent {
        id: EventId::new(Uuid::from_u128(0x0190_1234)),
        stream: StreamId::parse("account-ann-1").expect("a stream name"),
        version: StreamVersion::new(7),
        position: Position::new(1 << 60),
        event_type: "account.withdrawn".into(),
        schema_version: 3,
        payload: Payload::from_stored(r#"{"z": 1.50, "a": null, "n": 12345678901234567890123}"#),
        recorded_at: "2024-02-29T12:00:00.123456Z".parse().expect("a timestamp"),
        occurred_at: "1969-07-20T20:17:40.000001Z".parse().expect("a timestamp"),
        metadata: Arc::new(Metadata {
            source: some("/bank/accounts"),
            correlation_id: some("flow 1"),
            causation_id: some("command 7"),
            traceparent: some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
            actor: some("ann@example.org"),
            custom: [("branch".to_owned(), "Rīga \"1\"".to_owned())].into(),
            ..Metadata::default()
        }),
    }
}

fn through_text(event: &RecordedEvent) -> RecordedEvent {
    let text = serde_json::to_string(&CloudEvent::from(event)).expect("it can be written");
    let read: CloudEvent = serde_json::from_str(&text).expect("it can be read");
    read.to_recorded().expect("it was exported from a store")
}

fn parse(event: &Value) -> Result<CloudEvent, serde_json::Error> {
    serde_json::from_str(&event.to_string())
}

fn incoming(event: Value) -> Result<NewEvent, CloudEventError> {
    parse(&event).expect("it is a CloudEvent").to_new_event()
}

/// With the attributes that the specification's examples share.
fn sample(more: Value) -> Value {
    let mut event = json!({
        "specversion": "1.0",
        "type": "org.example.parcel.moved",
        "source": "/depot/4",
        "id": "P-17-3",
        "time": "2023-11-05T06:07:08Z",
        "orgexampletext": "cold",
        "orgexamplenumber": 5,
    });
    let (event_fields, more) = (event.as_object_mut().expect("an object"), more);
    event_fields.extend(more.as_object().expect("an object").clone());
    event
}

#[test]
fn every_field_of_an_envelope_survives_the_way_out_and_in() {
    assert_eq!(through_text(&recorded()), recorded());
    let bare = RecordedEvent { metadata: Arc::default(), ..recorded() };
    assert_eq!(through_text(&bare), bare);
}

#[test]
fn the_payload_stays_as_it_was_written() {
    let event = recorded();
    assert_eq!(through_text(&event).payload.as_str(), event.payload.as_str());
}

#[test]
fn an_exported_event_is_a_valid_cloud_event() {
    let event = serde_json::to_value(CloudEvent::from(&recorded())).expect("it can be written");
    for (attribute, value) in [
        ("specversion", "1.0"),
        ("id", "00000000-0000-0000-0000-000001901234"),
        ("source", "/bank/accounts"),
        ("type", "account.withdrawn"),
        ("subject", "account-ann-1"),
        ("time", "1969-07-20T20:17:40.000001Z"),
        ("datacontenttype", "application/json"),
        ("dataschema", "urn:annals:schema:account.withdrawn:3"),
        ("streamversion", "7"),
        ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
    ] {
        assert_eq!(event[attribute], value, "{attribute}");
    }
    let attributes = event.as_object().expect("an object");
    for (name, value) in attributes.iter().filter(|(name, _)| *name != "data") {
        // Section 3.1 of the core specification: names are made of a-z and 0-9.
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        assert!(name.bytes().all(plain), "`{name}` is no name of an attribute");
        assert!(value.is_string() || value.is_number() || value.is_boolean(), "{name}: {value}");
    }
}

#[test]
fn json_data_comes_in_with_its_extensions() {
    let event = incoming(sample(json!({
        "subject": null,
        "datacontenttype": "application/json",
        "data": { "from": "Riga", "shelf": 123, "fragile": true },
    })));
    let event = event.expect("it carries JSON");
    assert_eq!(event.event_type.as_str(), "org.example.parcel.moved");
    assert_eq!(event.schema_version, 1);
    let payload: Value = event.payload.decode().expect("it is JSON");
    assert_eq!(payload, json!({ "from": "Riga", "shelf": 123, "fragile": true }));
    assert_eq!(event.occurred_at, Some("2023-11-05T06:07:08Z".parse().expect("a timestamp")));
    assert_eq!(event.metadata.source.as_deref(), Some("/depot/4"));
    let attributes = &event.metadata.attributes;
    assert_eq!(attributes["orgexampletext"], "cold");
    assert_eq!(attributes["orgexamplenumber"], 5);
    assert_eq!(attributes["id"], "P-17-3");
    assert!(event.metadata.custom.is_empty());
}

#[test]
fn data_without_a_media_type_is_json_and_a_text_is_a_json_text() {
    let event = incoming(sample(json!({ "subject": null, "data": "only a \"text\"" })));
    let event = event.expect("it carries JSON");
    assert_eq!(event.payload.as_str(), r#""only a \"text\"""#);
}

#[test]
fn any_json_media_type_is_json() {
    for media in ["application/json; charset=utf-8", "text/JSON", "application/parcel+json"] {
        let event = incoming(sample(json!({ "datacontenttype": media, "data": {} })));
        assert_eq!(event.expect(media).payload.as_str(), "{}");
    }
}

#[test]
fn an_attribute_that_is_null_is_an_attribute_that_is_not_there() {
    let with_null = sample(json!({
        "subject": null, "time": null, "datacontenttype": null, "dataschema": null,
        "actor": null, "orgexampleunset": null, "data": {},
    }));
    let event = incoming(with_null).expect("null means unset");
    assert_eq!((event.occurred_at, event.metadata.actor), (None, None));
    assert!(!event.metadata.attributes.contains_key("orgexampleunset"));
}

#[test]
fn without_data_the_payload_is_null() {
    for event in [sample(json!({})), sample(json!({ "data": null }))] {
        assert_eq!(incoming(event).expect("data is optional").payload.as_str(), "null");
    }
}

#[test]
fn binary_data_is_refused() {
    assert_not_json(sample(json!({
        "datacontenttype": "application/vnd.apache.thrift.binary", "data_base64": "CgsMDQ==",
    })));
    assert_not_json(sample(json!({ "data_base64": "CgsMDQ==" })));
}

#[test]
fn data_of_another_media_type_is_refused() {
    let xml = json!({ "datacontenttype": "application/xml", "data": "<parcel fragile=\"yes\"/>" });
    assert_not_json(sample(xml));
}

#[test]
fn another_version_of_the_specification_is_refused() {
    for version in [json!("0.3"), json!("1.1"), json!(1.0), json!(null)] {
        let other = sample(json!({ "specversion": version }));
        assert!(parse(&other).is_err(), "{version} is not 1.0");
    }
}

#[test]
fn a_required_attribute_that_is_missing_is_named() {
    for attribute in ["specversion", "id", "source", "type"] {
        let mut event = sample(json!({}));
        event.as_object_mut().expect("an object").remove(attribute);
        let error = parse(&event).expect_err("it is required").to_string();
        assert!(error.contains(attribute), "{error}");
    }
    for attribute in ["id", "source", "type"] {
        match incoming(sample(json!({ attribute: "" }))) {
            Err(CloudEventError::Empty(named)) => assert_eq!(named, attribute),
            other => panic!("`{attribute}` is empty, and the answer is {other:?}"),
        }
    }
}

#[test]
fn the_same_cloud_event_is_always_the_same_event() {
    let id = |more| incoming(sample(more)).expect("it carries JSON").id;
    assert_eq!(id(json!({})), id(json!({ "data": 1 })));
    assert_ne!(id(json!({})), id(json!({ "id": "P-17-4" })));
    assert_ne!(id(json!({})), id(json!({ "source": "/depot/5" })), "ids count by their source");
    let uuid = "01890a5d-ac96-774b-bcce-b302099a8057";
    assert_eq!(id(json!({ "id": uuid })).to_string(), uuid);
}

#[test]
fn what_no_store_exported_is_not_taken_for_history() {
    let mut event = serde_json::to_value(CloudEvent::from(&recorded())).expect("an object");
    for missing in ["streamversion", "position", "recordedat", "time", "subject"] {
        let kept = event.as_object_mut().expect("an object").remove(missing).expect("it is there");
        match parse(&event).expect("a CloudEvent").to_recorded() {
            Err(CloudEventError::NotRecorded { attribute, .. }) => assert_eq!(attribute, missing),
            other => panic!("`{missing}` is missing, and the answer is {other:?}"),
        }
        event[missing] = kept;
    }
}

/// Stores it, and gives it out again.
fn relayed(incoming: &CloudEvent) -> CloudEvent {
    let new = incoming.to_new_event().expect("it carries JSON");
    let stream = StreamId::parse("inbox-17").expect("a stream name");
    let now = "2026-03-02T12:00:00Z".parse().expect("a timestamp");
    let stored = new.record(stream, StreamVersion::new(4), Position::new(9), now);
    assert_eq!(through_text(&stored), stored, "the way out and back");
    CloudEvent::from(&stored)
}

#[test]
fn what_came_in_goes_out_as_it_came_in() {
    let place = ["streamversion", "position", "recordedat", "eventid", "stream", "schemaversion"];
    for incoming in [
        sample(json!({
            "subject": "parcel 4411", "dataschema": "https://example.org/parcel/2",
            "datacontenttype": "application/parcel+json", "orgexampleflag": true, "data": {"a": 1},
        })),
        sample(json!({
            "id": "01890a5d-ac96-774b-bcce-b302099a8057", "subject": "contact-4411",
            "dataschema": "https://example.org/parcel/2", "datacontenttype": "application/json",
            "correlationid": 7, "actor": "ann", "metadata": "no map", "data": null,
        })),
    ] {
        let outgoing = relayed(&parse(&incoming).expect("a CloudEvent"));
        let mut outgoing = serde_json::to_value(outgoing).expect("it can be written");
        for extension in place {
            outgoing.as_object_mut().expect("an object").remove(extension);
        }
        assert_eq!(outgoing, incoming);
    }
}

#[test]
fn what_real_programs_sent_goes_out_as_it_came_in() {
    let data = std::env::var_os("ANNALS_DATA").map_or_else(
        || std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data"),
        std::path::PathBuf::from,
    );
    let file = data.join("foreign/cloudevent.json");
    let text = std::fs::read_to_string(&file)
        .unwrap_or_else(|error| panic!("{}: {error}; set ANNALS_DATA", file.display()));
    let incoming: CloudEvent = serde_json::from_str(&text).expect("a CloudEvent");
    let outgoing = relayed(&incoming);
    let shared = |event: &CloudEvent| CloudEvent { extensions: [].into(), ..event.clone() };
    assert_eq!(shared(&outgoing), shared(&incoming));
    for (name, value) in &incoming.extensions {
        assert_eq!(outgoing.extensions.get(name), Some(value), "{name}");
    }
    assert_eq!(outgoing.extensions["stream"], "inbox-17");
}

#[test]
fn an_event_that_was_passed_on_twice_says_where_it_is_now() {
    let first = relayed(&parse(&sample(json!({ "data": {} }))).expect("a CloudEvent"));
    // It had no subject, so its stream was told in its place, and is kept as such.
    assert_eq!(first.subject.as_deref(), Some("inbox-17"));
    let second = relayed(&first);
    assert_eq!((second.id.as_str(), second.subject.as_deref()), ("P-17-3", Some("inbox-17")));
    assert_eq!(second.extensions["orgexamplenumber"], 5);
}

#[track_caller]
fn assert_not_json(event: Value) {
    match incoming(event) {
        Err(CloudEventError::NotJson { id, .. }) => assert_eq!(id, "P-17-3"),
        other => panic!("it carries no JSON, and the answer is {other:?}"),
    }
}
