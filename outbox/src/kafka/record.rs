//! A message as Kafka carries it: key, value and headers, as CloudEvents' protocol binding for Kafka says.

use std::collections::BTreeMap;

use bytes::Bytes;
use rdkafka::message::{BorrowedMessage, Header, Headers, Message as _, OwnedHeaders};

use crate::message::Message;

/// What stands before the attributes of a CloudEvent.
const PREFIX: &str = "ce_";
/// What others put there.
const OTHER_PREFIX: &str = "ce-";
const CONTENT_TYPE: &str = "content-type";
/// Carries the id where no attribute does.
const ID: &str = "annals-id";

/// How many bytes of a request a header, and a message, take beside its own.
const OVERHEAD: usize = 64;

/// Every header of a message.
pub(super) fn headers_of(message: &Message) -> OwnedHeaders {
    let count = message.attributes.len() + message.headers.len() + 2;
    let mut headers = OwnedHeaders::new_with_capacity(count);
    for (name, value) in pairs_of(message) {
        headers = headers.insert(Header { key: &name, value: Some(value) });
    }
    headers
}

fn pairs_of(message: &Message) -> impl Iterator<Item = (String, &str)> {
    let id = !message.attributes.contains_key("id") && !message.id.is_empty();
    let id = id.then_some((ID, &*message.id));
    let content_type = !message.content_type.is_empty();
    let content_type = content_type.then_some((CONTENT_TYPE, &*message.content_type));
    let ours = id.into_iter().chain(content_type);
    ours.map(|(name, value)| (name.to_owned(), value)).chain(message.all_headers(PREFIX))
}

/// How much room a message takes in a request, in bytes, or a little less.
pub(super) fn size_of(message: &Message) -> usize {
    let headers = message.attributes.len() + message.headers.len() + 2;
    message.bytes() + OVERHEAD * (headers + 1)
}

/// What has come.
pub(super) fn message_of(record: &BorrowedMessage<'_>) -> Message {
    let headers = record.headers().into_iter().flat_map(Headers::iter);
    let headers = headers.map(|header| (header.key, header.value.unwrap_or_default()));
    read(record.key().unwrap_or_default(), record.payload().unwrap_or_default(), headers)
}

/// Sorts headers into what they are. What is not UTF-8 is made so; of a name that comes twice, the last
/// counts.
fn read<'h>(
    key: &[u8],
    body: &[u8],
    headers: impl Iterator<Item = (&'h str, &'h [u8])>,
) -> Message {
    let mut message = Message {
        id: String::new(),
        key: text(key),
        content_type: String::new(),
        attributes: BTreeMap::new(),
        headers: BTreeMap::new(),
        body: Bytes::copy_from_slice(body),
    };
    for (name, value) in headers {
        let value = text(value);
        let prefix = name.get(..PREFIX.len()).unwrap_or_default();
        if prefix.eq_ignore_ascii_case(PREFIX) || prefix.eq_ignore_ascii_case(OTHER_PREFIX) {
            message.attributes.insert(name[PREFIX.len()..].to_ascii_lowercase(), value);
        } else if name.eq_ignore_ascii_case(CONTENT_TYPE) {
            message.content_type = value;
        } else if name == ID {
            message.id = value;
        } else {
            message.headers.insert(name.to_owned(), value);
        }
    }
    if let Some(id) = message.attributes.get("id") {
        message.id.clone_from(id);
    }
    message
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message() -> Message {
        Message {
            id: "e-1".to_owned(),
            key: "order-7".to_owned(),
            content_type: "application/json".to_owned(),
            attributes: BTreeMap::new(),
            headers: BTreeMap::from([("trace".to_owned(), "ü".to_owned())]),
            body: Bytes::from_static(b"{}"),
        }
    }

    fn there_and_back(message: &Message) -> Message {
        let headers: Vec<_> = pairs_of(message).collect();
        let headers = headers.iter().map(|(name, value)| (&**name, value.as_bytes()));
        read(message.key.as_bytes(), &message.body, headers)
    }

    #[test]
    fn what_goes_comes_back() {
        let mut message = message();
        assert_eq!(there_and_back(&message), message);
        assert!(pairs_of(&message).any(|(name, value)| (&*name, value) == ("annals-id", "e-1")));

        message.attributes.insert("id".to_owned(), "e-1".to_owned());
        message.attributes.insert("type".to_owned(), "shop.Order".to_owned());
        assert_eq!(there_and_back(&message), message);
        assert!(pairs_of(&message).all(|(name, _)| name != "annals-id"));
        assert!(
            pairs_of(&message).any(|(name, value)| (&*name, value) == ("ce_type", "shop.Order"))
        );
    }

    #[test]
    fn what_others_send_is_understood() {
        let headers = [
            ("CE_Type", &b"shop.Order"[..]),
            ("ce-id", b"7"),
            ("Content-Type", b"text/plain"),
            ("bits", b"\xFF"),
            ("c", b"1"),
            ("\u{fc}ce_", b""),
        ];
        let message = read(b"", b"", headers.into_iter());
        assert_eq!(message.id, "7");
        assert_eq!(message.attributes["type"], "shop.Order");
        assert_eq!(message.content_type, "text/plain");
        assert_eq!(message.headers["bits"], "\u{FFFD}");
        assert_eq!(message.headers.len(), 3);
    }
}
