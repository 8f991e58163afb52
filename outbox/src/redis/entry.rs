//! Messages as entries of streams.
//!
//! There is no binding of CloudEvents for Redis: attributes are fields that begin with `ce_`, as in Kafka's.

use std::collections::BTreeMap;

use ::redis::{Cmd, Value};
use bytes::Bytes;

use crate::message::Message;

const ID: &str = "id";
const KEY: &str = "key";
const CONTENT_TYPE: &str = "content-type";
const BODY: &str = "body";
const ATTRIBUTE: &str = "ce_";
const HEADER: &str = "h_";

/// Before attributes of other producers.
const ATTRIBUTES: [&str; 4] = [ATTRIBUTE, "ce-", "cloudEvents:", "cloudEvents_"];
/// Where other producers have their body.
const BODIES: [&str; 3] = [BODY, "data", "payload"];
const CONTENT_TYPES: [&str; 3] = [CONTENT_TYPE, "content_type", "Content-Type"];

/// How many headers and attributes an entry may have: a script takes no more arguments.
pub(super) const MOST_HEADERS: usize = 1000;

/// Adds the fields of a message to a command, the body last.
pub(super) fn write(message: &Message, command: &mut Cmd) {
    command.arg(ID).arg(&*message.id).arg(KEY).arg(&*message.key);
    command.arg(CONTENT_TYPE).arg(&*message.content_type);
    for (name, value) in &message.attributes {
        command.arg(format!("{ATTRIBUTE}{name}")).arg(&**value);
    }
    for (name, value) in &message.headers {
        command.arg(format!("{HEADER}{name}")).arg(&**value);
    }
    command.arg(BODY).arg(&*message.body);
}

/// Reads an entry, by whomever it was written. One without an id is known by its place, `stream/entry`.
pub(super) fn read(stream: &str, entry: &str, fields: Vec<Value>) -> Message {
    let mut message = Message {
        id: String::new(),
        key: String::new(),
        content_type: String::new(),
        attributes: BTreeMap::new(),
        headers: BTreeMap::new(),
        body: Bytes::new(),
    };
    let mut fields: Vec<(String, Vec<u8>)> = pairs(fields);
    // The first of these that is there, wherever it stands.
    let body = BODIES.iter().find_map(|name| fields.iter().position(|(field, _)| field == name));
    if let Some(place) = body {
        message.body = Bytes::from(fields.remove(place).1);
    }
    for (name, value) in fields {
        let value = text(value);
        if name == ID {
            message.id = value;
        } else if name == KEY {
            message.key = value;
        } else if CONTENT_TYPES.contains(&&*name) {
            message.content_type = value;
        } else if let Some(name) = attribute(&name) {
            message.attributes.insert(name.to_owned(), value);
        } else {
            let name = name.strip_prefix(HEADER).unwrap_or(&name);
            message.headers.insert(name.to_owned(), value);
        }
    }
    if message.id.is_empty() {
        let known = message.attributes.get("id").cloned();
        message.id = known.unwrap_or_else(|| format!("{stream}/{entry}"));
    }
    message
}

fn attribute(name: &str) -> Option<&str> {
    let rest = ATTRIBUTES.iter().find_map(|prefix| name.strip_prefix(prefix));
    rest.filter(|rest| !rest.is_empty())
}

fn pairs(fields: Vec<Value>) -> Vec<(String, Vec<u8>)> {
    let mut fields = fields.into_iter().map(bytes);
    let mut pairs = Vec::new();
    while let (Some(name), Some(value)) = (fields.next(), fields.next()) {
        pairs.push((text(name), value));
    }
    pairs
}

/// A value as bytes. In entries there is nothing else.
pub(super) fn bytes(value: Value) -> Vec<u8> {
    match value {
        Value::BulkString(bytes) => bytes,
        Value::SimpleString(text) => text.into_bytes(),
        Value::Int(number) => number.to_string().into_bytes(),
        _ => Vec::new(),
    }
}

/// A text; what is none is shown as well as it can be.
pub(super) fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes)
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

#[cfg(test)]
mod tests {
    use ::redis::{Arg, Cmd, Value};

    use super::{Message, read, write};

    fn fields(message: &Message) -> Vec<Value> {
        let mut command = Cmd::new();
        write(message, &mut command);
        let fields = command.args_iter().map(|argument| match argument {
            Arg::Simple(bytes) => Value::BulkString(bytes.to_vec()),
            _ => panic!("every argument is bytes"),
        });
        fields.collect()
    }

    fn foreign(fields: &[(&str, &str)]) -> Message {
        let fields = fields.iter().flat_map(|(name, value)| [*name, *value]);
        let fields = fields.map(|text| Value::BulkString(text.as_bytes().to_vec()));
        read("orders", "17-0", fields.collect())
    }

    #[test]
    fn a_message_comes_back_as_it_was() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let message = Message {
            id: "0189".into(),
            key: "order-17".into(),
            content_type: "application/json".into(),
            attributes: [pair("id", "0189"), pair("type", "order.placed")].into(),
            headers: [pair("id", "x"), pair("body", "y"), pair("ce_type", "z"), pair("h_a", "")]
                .into(),
            body: vec![0, 159, 146, 150].into(),
        };
        assert_eq!(read("orders", "17-0", fields(&message)), message);
    }

    #[test]
    fn messages_of_others_are_read() {
        let message = foreign(&[
            ("ce-id", "7"),
            ("cloudEvents:type", "paid"),
            ("content_type", "text/plain"),
            ("trace", "t"),
            ("payload", "p"),
            ("data", "d"),
        ]);
        assert_eq!((&*message.id, &*message.body), ("7", &b"d"[..]));
        assert_eq!(message.attributes.get("type").map(String::as_str), Some("paid"));
        assert_eq!(message.content_type, "text/plain");
        let headers: Vec<_> =
            message.headers.iter().map(|(name, value)| (&**name, &**value)).collect();
        assert_eq!(headers, [("payload", "p"), ("trace", "t")]);
    }

    #[test]
    fn an_entry_without_an_id_is_known_by_its_place() {
        let message = foreign(&[("amount", "5"), ("currency", "EUR")]);
        assert_eq!(message.id, "orders/17-0");
        assert_eq!(message.headers.len(), 2);
        assert!(message.body.is_empty());
    }
}
