//! Shapes that are read, and what is said of those that are not.

use std::collections::BTreeMap;

use annals_core::{EventType, RecordedEvent};

use super::{Mapping, Reading, Unknown};
use crate::message::Message;

fn message(body: &str) -> Message {
    Message {
        id: String::new(),
        key: "order-1".to_owned(),
        content_type: String::new(),
        attributes: BTreeMap::new(),
        headers: BTreeMap::new(),
        body: body.to_owned().into(),
    }
}

fn read(reading: &Reading, body: &str) -> RecordedEvent {
    reading.event(&message(body), "orders", &[])
}

/// No id, numbers as keys, a time without a zone.
#[test]
fn a_flat_object_is_read() {
    let mapping = Mapping::new("/event", "")
        .id_of(["/event", "/order_id"])
        .time_in_utc("/timestamp")
        .stream("order", "/order_id");
    let body = r#"{"event":"order.placed","order_id":1008,"total":"19.90","timestamp":"2026-03-02T09:16:03.120045"}"#;
    let reading = Reading::mapped(mapping);
    let event = read(&reading, body);
    assert_eq!((event.event_type.as_str(), event.stream.as_str()), ("order.placed", "order-1008"));
    assert_eq!(event.occurred_at.to_string(), "2026-03-02T09:16:03.120045Z");
    assert_eq!(event.version.get(), 0);
    assert_eq!(read(&reading, body).id, event.id, "the same message is the same event");
    assert_ne!(read(&reading, &body.replace("1008", "1009")).id, event.id);
}

#[test]
fn a_type_may_have_another_name_here() {
    let mapping = Mapping::new("/eventType", "/data").id_of_body().time("/timestamp");
    let reading = Reading::mapped(mapping).renamed("CustomerUpdated", "crm.customer.updated");
    let body = r#"{"eventType":"CustomerUpdated","data":{"customerId":"4411"},"timestamp":"2026-03-02T09:17:00Z"}"#;
    let event = read(&reading, body);
    assert_eq!(event.event_type.as_str(), "crm.customer.updated");
    // The key of the message says whose it is.
    assert_eq!(event.stream.as_str(), "order-1");
    assert_eq!(event.payload.as_str(), r#"{"customerId":"4411"}"#);
}

#[test]
fn types_that_are_not_known_are_parked_or_passed_by() {
    let body = r#"{"specversion":"1.0","id":"1","source":"/s","type":"other","data":{}}"#;
    let known = [EventType::from_static("order.placed")];
    let parked = Reading::cloudevents().event(&message(body), "orders", &known);
    assert_eq!(parked.event_type, annals_consumers::UNREADABLE);
    assert!(parked.payload.as_str().contains("no event here is called `other`"));
    assert!(parked.payload.as_str().contains(r#"\"type\":\"other\""#), "all of it is kept");
    let passing = Reading::cloudevents().unknown_types(Unknown::PassBy);
    let passed = passing.event(&message(body), "orders", &known);
    assert_eq!(passed.event_type, annals_consumers::PASSED_BY);
}

#[test]
fn what_cannot_be_read_says_why() {
    let mapped = || Mapping::new("/type", "/data");
    for (mapping, body, why) in [
        (mapped(), r#"{"type":"a","data":{}}"#, "the broker carries no id"),
        (mapped().id("/id"), r#"{"id":{},"type":"a","data":{}}"#, "neither a text nor a number"),
        (mapped().id("/id"), r#"{"id":1,"data":{}}"#, "there is no type at `/type`"),
        (mapped().id("/id"), r#"{"id":1,"type":"a"}"#, "there are no data at `/data`"),
        (mapped().id("/id").version("/v"), r#"{"id":1,"type":"a","v":"x","data":{}}"#, "no number"),
        (
            mapped().id("/id").time("/t"),
            r#"{"id":1,"type":"a","t":"now","data":{}}"#,
            "the time at",
        ),
        (
            mapped().id("/id"),
            r#"{"id":1,"type":"a","data":{"a":1,"a":2}}"#,
            "`/data/a` comes twice",
        ),
        (mapped().id("/id"), "\u{1}", "the body is no JSON"),
    ] {
        let event = read(&Reading::mapped(mapping), body);
        assert_eq!(event.event_type, annals_consumers::UNREADABLE, "{body}");
        assert!(event.payload.as_str().contains(why), "{}", event.payload.as_str());
        assert_eq!(event.stream.as_str(), "order-1", "it waits behind its key");
    }
    let bytes = Message { body: vec![0xff, 0x00].into(), ..message("") };
    let event = Reading::cloudevents().event(&bytes, "orders", &[]);
    assert!(event.payload.as_str().contains(r#""bytes":"ff00""#), "{}", event.payload.as_str());
}
