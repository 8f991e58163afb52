//! A message, as RabbitMQ carries it.

use lapin::BasicProperties;
use lapin::types::{AMQPValue, FieldTable, LongString, ShortString};

use super::errors::Failure;
use crate::message::Message;

/// The header with the key by which messages are kept in order.
pub(super) const KEY: &str = "annals-key";

/// What stands before the attributes of a CloudEvent, as the AMQP binding says.
pub(super) const CLOUD_EVENT: &str = "cloudEvents:";

/// The delivery mode of messages that are kept on disk.
const PERSISTENT: u8 = 2;

/// What every content header has: class, weight, size of the body, flags, delivery mode, length of the headers.
const FIXED_BYTES: usize = 2 + 2 + 8 + 2 + 1 + 4;

/// Everything but the body, and how many bytes that takes.
pub(super) fn properties(message: &Message) -> Result<(BasicProperties, usize), Failure> {
    let mut bytes = FIXED_BYTES;
    let mut headers = FieldTable::default();
    let key = (!message.key.is_empty()).then(|| (KEY.to_owned(), message.key.as_str()));
    for (name, value) in message.all_headers(CLOUD_EVENT).chain(key) {
        // The lengths of both, and the type of the value.
        bytes += 1 + name.len() + 1 + 4 + value.len();
        let name = short("the name of a header", name)?;
        headers.insert(name, AMQPValue::LongString(LongString::from(value)));
    }
    let mut properties =
        BasicProperties::default().with_delivery_mode(PERSISTENT).with_headers(headers);
    if !message.id.is_empty() {
        bytes += 1 + message.id.len();
        properties = properties.with_message_id(short("the id", message.id.clone())?);
    }
    if !message.content_type.is_empty() {
        bytes += 1 + message.content_type.len();
        let media_type = short("the content type", message.content_type.clone())?;
        properties = properties.with_content_type(media_type);
    }
    Ok((properties, bytes))
}

fn short(what: &str, text: String) -> Result<ShortString, Failure> {
    let bytes = text.len();
    ShortString::try_new(text).map_err(|_| {
        let why = format!("{what} has {bytes} bytes, and RabbitMQ takes 255: make it shorter");
        Failure::Refused(why)
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn message() -> Message {
        Message {
            id: "7".to_owned(),
            key: "order-7".to_owned(),
            content_type: "application/json".to_owned(),
            attributes: BTreeMap::from([("type".to_owned(), "placed".to_owned())]),
            headers: BTreeMap::from([("tenant".to_owned(), "north".to_owned())]),
            body: "{}".into(),
        }
    }

    #[test]
    fn a_message_is_persistent_and_keeps_its_headers() {
        let (properties, _) = properties(&message()).expect("it can be carried");
        assert_eq!(properties.delivery_mode(), &Some(2));
        let id = properties.message_id().as_ref().map(ShortString::as_str);
        assert_eq!(id, Some("7"));
        let headers = properties.headers().as_ref().expect("it has some");
        let names: Vec<&str> = headers.inner().keys().map(ShortString::as_str).collect();
        assert_eq!(names, ["annals-key", "cloudEvents:type", "tenant"]);
    }

    #[test]
    fn the_size_is_the_one_on_the_wire() {
        let headers = (1 + 10 + 5 + 7) + (1 + 16 + 5 + 6) + (1 + 6 + 5 + 5);
        let (_, bytes) = properties(&message()).expect("it can be carried");
        assert_eq!(bytes, FIXED_BYTES + headers + (1 + 1) + (1 + 16));
    }

    #[test]
    fn what_is_too_long_is_named() {
        for (what, message) in [
            ("the id", Message { id: "7".repeat(256), ..message() }),
            ("the content type", Message { content_type: "t".repeat(256), ..message() }),
            (
                "the name of a header",
                Message {
                    headers: BTreeMap::from([("h".repeat(256), String::new())]),
                    ..message()
                },
            ),
        ] {
            match properties(&message) {
                Err(Failure::Refused(why)) => assert!(why.starts_with(what), "{why}"),
                other => panic!("{what}: {other:?}"),
            }
        }
    }
}
