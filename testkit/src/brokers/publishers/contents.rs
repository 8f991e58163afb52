//! What goes in comes out, byte for byte.

use std::collections::BTreeMap;

use annals_core::Payload;
use annals_outbox::{Envelope, Message, Outgoing};
use uuid::Uuid;

use crate::brokers::Scene;
use crate::brokers::samples::{message, show};

/// Texts that some protocol, somewhere, takes for something else.
const ODD: [&str; 12] = [
    "",
    " ",
    " a space at both ends ",
    "Zürich, 東京, القاهرة, 🚀",
    "\"quoted\", 'quoted', `quoted`",
    "back\\slash, \\n, \\u0041",
    "100%, %20, a+b, a=b&c=d; e",
    "{\"json\": [1, 2]}",
    "key: value",
    "null",
    "0017",
    "true",
];

/// Sends messages and holds what comes against them, field by field.
async fn come_back(scene: &Scene, sent: &[Message]) {
    let place = scene.place(1).await;
    scene.sender(&place).await.send_in_turn(sent).await;
    let mut reader = scene.reader(&place).await;
    for (came, sent) in reader.take(sent.len()).await.iter().zip(sent) {
        assert_eq!(came.id, sent.id, "the id of {}", show(sent));
        assert_eq!(came.key, sent.key, "the key of {}", show(sent));
        assert_eq!(came.content_type, sent.content_type, "the media type of {}", show(sent));
        assert_pairs("attributes", &came.attributes, &sent.attributes);
        assert_pairs("headers", &came.headers, &sent.headers);
        assert!(came.body == sent.body, "the body of {} came as {}", show(sent), show(came));
    }
    reader.finish().await;
}

/// The same names and values: nothing is missing, nothing was added.
fn assert_pairs(what: &str, came: &BTreeMap<String, String>, sent: &BTreeMap<String, String>) {
    for (name, value) in sent {
        let came = came.get(name);
        assert!(came == Some(value), "of the {what}, `{name}` was {value:?} and came as {came:?}");
    }
    let added: Vec<_> = came.keys().filter(|name| !sent.contains_key(*name)).collect();
    assert!(added.is_empty(), "of the {what}, {added:?} came, which nobody sent");
}

/// An event that becomes two messages, with everything that an envelope can say.
fn outgoing() -> Outgoing {
    let data =
        r#"{"customer": "Zoë \"Z\" O'Neill", "note": "東京 🚀", "cents": 1200, "empty": ""}"#;
    Outgoing {
        id: format!("{}-1", Uuid::now_v7()),
        source: "/shop".into(),
        event_type: "shop.order.placed",
        version: 2,
        stream: "order-Zürich 17".parse().expect("it is a stream"),
        stream_version: 3,
        index: 1,
        route: "orders-out",
        key: "order-Zürich 17".to_owned(),
        time: "2026-03-02T09:15:27.481Z".parse().expect("it is a time of RFC 3339"),
        correlation: Some("flow \"東京\"".to_owned()),
        causation: Some("request-4711".to_owned()),
        traceparent: Some("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".to_owned()),
        data: Payload::parse(data).expect("it is JSON"),
    }
}

/// CloudEvents as one JSON object.
pub async fn cloudevents_in_structured_mode(scene: Scene) {
    come_back(&scene, &[Envelope::CloudEvents.seal(outgoing())]).await;
}

/// CloudEvents with their attributes as headers.
pub async fn cloudevents_in_binary_mode(scene: Scene) {
    come_back(&scene, &[Envelope::CloudEventsBinary.seal(outgoing())]).await;
}

/// The envelopes of others.
pub async fn the_envelopes_of_others(scene: Scene) {
    let envelopes = [Envelope::Plain, Envelope::TypeTimeData, Envelope::Debezium];
    come_back(&scene, &envelopes.map(|envelope| envelope.seal(outgoing()))).await;
}

/// Values of headers and attributes that look like something else.
pub async fn odd_values_of_headers(scene: Scene) {
    let mut odd = message("order-1", 1);
    for (number, value) in ODD.iter().enumerate() {
        odd.headers.insert(format!("header{number}"), (*value).to_owned());
        odd.attributes.insert(format!("attribute{number}"), (*value).to_owned());
    }
    come_back(&scene, &[odd]).await;
}

/// Names of headers in capital letters, with marks, and the names that protocols use.
pub async fn odd_names_of_headers(scene: Scene) {
    let mut odd = message("order-1", 1);
    let names = ["X-Trace", "x-trace2", "a.b", "a_b", "a-b", "id", "key", "type", "subject"];
    for name in names.into_iter().chain(["source", "time", "data", "body", "content", "0"]) {
        odd.headers.insert(name.to_owned(), format!("of {name}"));
    }
    come_back(&scene, &[odd]).await;
}

/// The longest header that is taken, and a hundred of them.
pub async fn long_headers_and_many(scene: Scene) {
    let mut long = message("order-1", 1);
    let value = "ü".repeat(scene.abilities().longest_header / 2);
    long.headers.insert("long".to_owned(), value);
    let mut many = message("order-1", 2);
    many.headers.extend((0..100).map(|n| (format!("header{n}"), format!("value {n}"))));
    come_back(&scene, &[long, many]).await;
}

/// Empty bodies, bodies that are no text, and one of a million bytes.
pub async fn bodies_of_every_kind(scene: Scene) {
    let body = |body: Vec<u8>| {
        let content_type = "application/octet-stream".to_owned();
        Message { content_type, body: body.into(), ..message("order-1", 0) }
    };
    let bytes: Vec<u8> = (0..=u8::MAX).collect();
    let lines = b"two\r\nlines\r\n\r\n".to_vec();
    let sent = [body(Vec::new()), body(bytes.clone()), body(lines), body(vec![0; 10])];
    come_back(&scene, &sent).await;
    come_back(&scene, &[body(bytes.into_iter().cycle().take(1_000_000).collect())]).await;
}

/// Ids, keys and media types that no protocol reads as its own.
pub async fn odd_ids_and_keys(scene: Scene) {
    let keys = ["order-東京 🚀", "a.b.*.>", "a/b c\"d'", "order-0017", "{order}"];
    let odd = |key: &str| {
        let id = format!("{}/{key}", Uuid::now_v7());
        let content_type = "text/plain; charset=\"utf-8\"".to_owned();
        Message { id, content_type, ..message(key, 1) }
    };
    let long = odd(&"k".repeat(200));
    let sent: Vec<Message> = keys.into_iter().map(odd).chain([long]).collect();
    come_back(&scene, &sent).await;
}
