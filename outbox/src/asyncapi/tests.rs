//! The document, held against the messages themselves.

use annals_core::Payload;
use serde_json::Map;

use super::*;
use crate::address::Address;
use crate::contract::Contract;
use crate::envelope::Envelope;
use crate::outgoing::Outgoing;

const ENVELOPES: [Envelope; 5] = [
    Envelope::CloudEvents,
    Envelope::CloudEventsBinary,
    Envelope::Plain,
    Envelope::TypeTimeData,
    Envelope::Debezium,
];

fn contract(envelope: Envelope, broker: &str) -> Contract {
    let schema = json!({
        "description": "Somebody ordered.",
        "type": "object",
        "required": ["order"],
        "properties": { "order": { "$ref": "#/$defs/Order" } },
        "$defs": { "Order": { "type": "string" } },
    });
    Contract {
        route: "orders-out".to_owned(),
        version: 3,
        source: "/shop".into(),
        broker: broker.to_owned(),
        envelope,
        places: vec![Address::new("orders")],
        events: vec![EventSchema::new("shop.order.placed", 2, schema)],
    }
}

fn outgoing(index: usize, flow: Option<&str>) -> Outgoing {
    let text = |text: &str| flow.map(|_| text.to_owned());
    Outgoing {
        id: "01900000-0000-7000-8000-000000000001".to_owned(),
        source: "/shop".into(),
        event_type: "shop.order.placed",
        version: 2,
        stream: "order-17".parse().expect("it is a stream"),
        stream_version: 3,
        index,
        route: "orders-out",
        key: "order-17".to_owned(),
        time: "2026-03-02T09:15:27.481Z".parse().expect("a time"),
        correlation: flow.map(str::to_owned),
        causation: text("cause"),
        traceparent: text("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
        data: Payload::parse(r#"{"order":"17"}"#).expect("it is JSON"),
    }
}

fn document(contracts: &[Contract]) -> Value {
    asyncapi(contracts, &Service::of(contracts)).expect("they agree")
}

/// What is said of each field of a schema.
fn properties(schema: &Value) -> &Map<String, Value> {
    schema["properties"].as_object().expect("it is an object's")
}

/// Every field is described, those that are always there are there, and constants are what they are.
#[track_caller]
fn fits(said: &Value, found: &Map<String, Value>) {
    for (name, value) in found {
        let about = properties(said).get(name).unwrap_or_else(|| panic!("`{name}` of {said}"));
        assert!(about.get("const").is_none_or(|constant| constant == value), "{name}: {value}");
    }
    for name in said["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        assert!(found.contains_key(name), "`{name}` is promised");
    }
}

#[test]
fn every_envelope_is_what_the_document_says() {
    for (envelope, flow) in ENVELOPES.into_iter().flat_map(|one| [(one, None), (one, Some("f"))]) {
        let document = document(&[contract(envelope, "nats://10.0.0.7:4222")]);
        let said = &document["components"]["messages"]["orders-out.shop.order.placed.v2"];
        let sent = envelope.seal(outgoing(flow.map_or(0, |_| 1), flow));
        assert_eq!(said["contentType"], sent.content_type);
        assert_eq!(said["summary"], "Somebody ordered.");
        let body: Map<String, Value> = serde_json::from_slice(&sent.body).expect("an object");
        let payload = json!({ "$ref": "#/components/schemas/shop.order.placed.v2" });
        match said.get("headers") {
            Some(headers) => {
                assert_eq!(said["payload"], payload);
                let pairs = sent.all_headers("ce-");
                fits(headers, &pairs.map(|(name, value)| (name, value.into())).collect());
            }
            None => {
                fits(&said["payload"], &body);
                assert_eq!(properties(&said["payload"])["data"], payload);
                assert_eq!(sent.all_headers("ce-").count(), 0);
            }
        }
    }
}

#[test]
fn routes_share_servers_and_channels() {
    let amqp = |route: &str, routing_key: &str| Contract {
        route: route.to_owned(),
        places: vec![Address::new("shop").routing_key(routing_key)],
        ..contract(Envelope::CloudEventsBinary, "amqp://rabbit:5672/orders")
    };
    let kafka = contract(Envelope::Plain, "kafka://a:1,b:2");
    let other = Contract {
        route: "others-out".to_owned(),
        ..contract(Envelope::Plain, "nats://10.0.0.7:4222")
    };
    let mut all = vec![amqp("b", "order.*"), amqp("a", "order.*"), kafka, other];
    let document = document(&all);
    all.reverse();
    assert_eq!(document.to_string(), super::tests::document(&all).to_string());
    assert_eq!(document["info"], json!({ "title": "/shop", "version": "3" }));
    let keys = |value: &Value| -> Vec<String> {
        value.as_object().expect("an object").keys().cloned().collect()
    };
    assert_eq!(keys(&document["servers"]), ["amqp", "kafka", "kafka-2", "nats"]);
    assert_eq!(document["servers"]["amqp"]["pathname"], "/orders");
    assert_eq!(keys(&document["channels"]), ["orders", "orders-2", "shop.order._x2A"]);
    let shared = &document["channels"]["shop.order._x2A"];
    assert_eq!(shared["address"], "order.*");
    assert_eq!(shared["bindings"]["amqp"]["exchange"]["name"], "shop");
    assert_eq!(keys(&shared["messages"]), ["a.shop.order.placed.v2", "b.shop.order.placed.v2"]);
    let headers = &document["components"]["messages"]["a.shop.order.placed.v2"]["headers"];
    assert!(properties(headers).contains_key("cloudEvents:id"), "{headers}");
    let operations = ["a.shop.order._x2A", "b.shop.order._x2A", "orders-out.orders"];
    assert_eq!(keys(&document["operations"])[..3], operations);
}
