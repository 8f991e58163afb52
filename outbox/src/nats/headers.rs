//! Messages as NATS carries them.
//!
//! | header | what |
//! |---|---|
//! | `Nats-Msg-Id` | the id, by which JetStream finds repetitions |
//! | `annals-key` | the key, percent-encoded |
//! | `content-type` | the media type of the body |
//! | `ce-…` | attributes of a CloudEvent in binary mode, percent-encoded |
//! | others | as they are; a value with line breaks, or with blanks at its ends, percent-encoded |
//! | `annals-encoded` | the names of those that are, with commas between them |

use std::collections::BTreeMap;

use async_nats::header::{HeaderMap, HeaderName, HeaderValue};
use bytes::Bytes;

use super::percent;
use crate::message::Message;

pub(super) const ID: &str = "Nats-Msg-Id";
const KEY: &str = "annals-key";
const CONTENT_TYPE: &str = "content-type";
const ENCODED: &str = "annals-encoded";
/// The prefix of CloudEvents' attributes.
const PREFIX: &str = "ce-";
/// What `content-type` says, as some readers want it.
const DATA_CONTENT_TYPE: &str = "datacontenttype";

/// The headers of a message.
///
/// # Errors
/// Why no message can have them.
pub(super) fn of(message: &Message) -> Result<HeaderMap, String> {
    let mut headers = HeaderMap::new();
    if !message.id.is_empty() {
        put_own(&mut headers, ID, &message.id)?;
    }
    put_own(&mut headers, KEY, &percent::encode(&message.key))?;
    if !message.content_type.is_empty() {
        put_own(&mut headers, CONTENT_TYPE, &message.content_type)?;
    }
    for (name, value) in &message.attributes {
        put(&mut headers, &format!("{PREFIX}{name}"), &percent::encode(value))?;
    }
    if !message.attributes.is_empty() && !message.attributes.contains_key(DATA_CONTENT_TYPE) {
        let name = format!("{PREFIX}{DATA_CONTENT_TYPE}");
        put(&mut headers, &name, &percent::encode(&message.content_type))?;
    }
    let mut encoded = Vec::new();
    for (name, value) in &message.headers {
        let lower = name.to_ascii_lowercase();
        if lower.starts_with("nats-") || [KEY, CONTENT_TYPE, ENCODED].contains(&lower.as_str()) {
            return Err(format!(
                "its header `{name}` is one that the broker reads itself: give it another name"
            ));
        }
        if survives(value) {
            put(&mut headers, name, value)?;
        } else {
            put(&mut headers, name, &percent::encode(value))?;
            encoded.push(name.as_str());
        }
    }
    if !encoded.is_empty() {
        put_own(&mut headers, ENCODED, &encoded.join(","))?;
    }
    Ok(headers)
}

/// Whether a value is one line that keeps its ends.
fn survives(value: &str) -> bool {
    value.trim() == value && !value.contains(['\r', '\n'])
}

fn put(headers: &mut HeaderMap, name: &str, value: &str) -> Result<(), String> {
    let written = name.parse().map_err(|_| unwritable(name))?;
    put_as(headers, written, name, value)
}

/// One of the headers that are always there, whose names are known.
fn put_own(headers: &mut HeaderMap, name: &'static str, value: &str) -> Result<(), String> {
    put_as(headers, HeaderName::from_static(name), name, value)
}

fn put_as(
    headers: &mut HeaderMap,
    written: HeaderName,
    name: &str,
    value: &str,
) -> Result<(), String> {
    let value: HeaderValue = value.parse().map_err(|_| unwritable(name))?;
    headers.insert(written, value);
    Ok(())
}

fn unwritable(name: &str) -> String {
    format!(
        "its header {name:?} cannot be written: names are of printable ASCII without `:`, and values \
         of the broker's own headers are one line"
    )
}

/// How much room headers take on the way, in bytes.
pub(super) fn bytes(headers: &HeaderMap) -> usize {
    let lines = headers.iter().flat_map(|(name, values)| {
        let name: &str = name.as_ref();
        values.iter().map(move |value| name.len() + value.as_str().len() + ": \r\n".len())
    });
    "NATS/1.0\r\n\r\n".len() + lines.sum::<usize>()
}

/// A message that has come. Names are read in any case; of a header that is there twice, the first counts.
pub(super) fn read(headers: Option<&HeaderMap>, body: Bytes) -> Message {
    let mut message = Message {
        id: String::new(),
        key: String::new(),
        content_type: String::new(),
        attributes: BTreeMap::new(),
        headers: BTreeMap::new(),
        body,
    };
    let encoded = headers.and_then(|headers| headers.get(ENCODED)).map_or("", HeaderValue::as_str);
    let encoded: Vec<&str> = encoded.split(',').collect();
    for (name, values) in headers.into_iter().flat_map(HeaderMap::iter) {
        let name: &str = name.as_ref();
        let value = values.first().map_or("", HeaderValue::as_str);
        let lower = name.to_ascii_lowercase();
        if lower.eq_ignore_ascii_case(ID) {
            message.id = value.to_owned();
        } else if lower == KEY {
            message.key = percent::decode(value);
        } else if lower == CONTENT_TYPE {
            message.content_type = value.to_owned();
        } else if let Some(attribute) =
            lower.strip_prefix(PREFIX).or_else(|| lower.strip_prefix("ce_"))
        {
            message.attributes.insert(attribute.to_owned(), percent::decode(value));
        } else if encoded.contains(&name) {
            message.headers.insert(name.to_owned(), percent::decode(value));
        } else if lower != ENCODED {
            message.headers.insert(name.to_owned(), value.to_owned());
        }
    }
    if let Some(content_type) = message.attributes.remove(DATA_CONTENT_TYPE)
        && message.content_type.is_empty()
    {
        message.content_type = content_type;
    }
    if let Some(id) = message.attributes.get("id").filter(|_| message.id.is_empty()) {
        message.id = id.clone();
    }
    message
}

#[cfg(test)]
mod tests {
    use super::{of, read};
    use crate::message::Message;

    fn message() -> Message {
        let pairs = |pairs: &[(&str, &str)]| {
            pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
        };
        Message {
            id: "01900000-0000-7000-8000-000000000001-1".to_owned(),
            key: "Bestellung Nr. 17 ü".to_owned(),
            content_type: "application/json".to_owned(),
            attributes: pairs(&[("id", "1"), ("type", "order.placed"), ("subject", "ö 17")]),
            headers: pairs(&[
                ("traceparent", "00-aa-bb-01"),
                ("X-Empty", ""),
                ("X-Blank", " "),
                ("X-Lines", "x\r\nNats-Rollup: all"),
            ]),
            body: bytes::Bytes::from_static(b"{}"),
        }
    }

    #[test]
    fn a_message_comes_back_as_it_was() {
        let message = message();
        let headers = of(&message).expect("they can be written");
        assert_eq!(headers.get("ce-subject").map(|value| value.as_str()), Some("%C3%B6%2017"));
        assert_eq!(
            headers.get("ce-datacontenttype").map(|value| value.as_str()),
            Some("application/json")
        );
        assert_eq!(read(Some(&headers), message.body.clone()), message);
    }

    #[test]
    fn names_of_others_are_read_in_any_case() {
        let mut headers = async_nats::HeaderMap::new();
        for (name, value) in
            [("Ce-Id", "7"), ("CE_Type", "t"), ("Content-Type", "text/plain"), ("X-Own", "x")]
        {
            headers.append(name, value);
        }
        headers.append("X-Own", "second");
        let read = read(Some(&headers), bytes::Bytes::new());
        assert_eq!((read.id.as_str(), read.content_type.as_str()), ("7", "text/plain"));
        assert_eq!(read.attributes.get("type").map(String::as_str), Some("t"));
        assert_eq!(read.headers.get("X-Own").map(String::as_str), Some("x"));
        assert_eq!(super::read(None, bytes::Bytes::new()).id, "");
    }

    #[test]
    fn headers_that_the_broker_acts_upon_are_refused() {
        let own = ["Nats-Rollup", "nats-expected-stream", "Content-Type", "Annals-Key"];
        for name in own.into_iter().chain(["Annals-Encoded"]) {
            let mut message = message();
            message.headers.insert(name.to_owned(), "all".to_owned());
            let why = of(&message).expect_err("the broker would act upon it");
            assert!(why.contains(name), "{why}");
        }
    }

    #[test]
    fn what_would_break_the_protocol_is_refused() {
        for name in ["a b", "a:b", "a\r\nb"] {
            let mut message = message();
            message.headers.insert(name.to_owned(), "x".to_owned());
            let why = of(&message).expect_err("it is no header");
            assert!(why.contains(&format!("{name:?}")), "{why}");
        }
    }
}
