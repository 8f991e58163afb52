//! Each form, held against the shape that receivers know.

use annals_core::{CloudEvent, Payload};
use serde_json::{Value, json};

use super::Envelope;
use crate::outgoing::Outgoing;

fn event() -> Outgoing {
    Outgoing {
        id: "01900000-0000-7000-8000-000000000001-1".to_owned(),
        source: "/shop".into(),
        event_type: "shop.order.placed",
        version: 2,
        stream: "order-17".parse().expect("it is a stream"),
        stream_version: 3,
        index: 1,
        route: "orders-out",
        key: "order-17".to_owned(),
        time: "2026-03-02T09:15:27.481Z".parse().expect("a time"),
        correlation: Some("flow".to_owned()),
        causation: None,
        traceparent: Some("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".to_owned()),
        data: Payload::parse(r#"{"order": "17"}"#).expect("it is JSON"),
    }
}

fn body(envelope: Envelope) -> Value {
    serde_json::from_slice(&envelope.seal(event()).body).expect("it is JSON")
}

#[test]
fn a_structured_cloudevent_is_read_back() {
    let message = Envelope::CloudEvents.seal(event());
    assert_eq!(message.content_type, "application/cloudevents+json");
    let read: CloudEvent = serde_json::from_slice(&message.body).expect("it is a CloudEvent");
    assert_eq!((read.id.as_str(), read.source.as_str()), (message.id.as_str(), "/shop"));
    assert_eq!(read.subject.as_deref(), Some("order-17"));
    assert_eq!(read.dataschema.as_deref(), Some("urn:annals:schema:shop.order.placed:2"));
    let extension = |name: &str| read.extensions.get(name).and_then(Value::as_str);
    assert_eq!(extension("streamversion"), Some("3"));
    assert_eq!(extension("partindex"), Some("1"));
    assert_eq!(extension("route"), Some("orders-out"));
    assert_eq!(extension("correlationid"), Some("flow"));
    assert_eq!(extension("causationid"), None);
    assert_eq!(read.to_new_event().expect("it can be appended").schema_version, 2);
}

#[test]
fn a_binary_cloudevent_has_its_attributes_as_headers() {
    let message = Envelope::CloudEventsBinary.seal(event());
    assert_eq!(&message.body[..], br#"{"order": "17"}"#);
    assert_eq!(message.content_type, "application/json");
    let headers: Vec<_> = message.all_headers("ce_").collect();
    assert!(headers.contains(&("ce_specversion".to_owned(), "1.0")), "{headers:?}");
    assert!(headers.contains(&("ce_streamversion".to_owned(), "3")), "{headers:?}");
    assert!(headers.contains(&("ce_time".to_owned(), "2026-03-02T09:15:27.481Z")), "{headers:?}");
}

#[test]
fn plain_objects_have_the_fields_that_others_know() {
    assert_eq!(
        body(Envelope::Plain),
        json!({
            "event_id": "01900000-0000-7000-8000-000000000001-1", "event_type": "shop.order.placed",
            "event_version": "2.0", "timestamp": "2026-03-02T09:15:27.481Z", "source": "/shop",
            "correlation_id": "flow", "data": {"order": "17"},
        })
    );
    assert_eq!(
        body(Envelope::TypeTimeData),
        json!({
            "eventType": "shop.order.placed", "timestamp": "2026-03-02T09:15:27.481Z",
            "data": {"order": "17"},
        })
    );
}

#[test]
fn debezium_has_the_id_and_the_type_as_headers() {
    let message = Envelope::Debezium.seal(event());
    assert_eq!(message.headers["id"], event().id);
    assert_eq!(message.headers["eventType"], "shop.order.placed");
    assert_eq!(message.key, "order-17");
    assert_eq!(&message.body[..], br#"{"order": "17"}"#);
}
