//! A message, as it comes from RabbitMQ: ours or anyone's.

use std::collections::BTreeMap;

use lapin::message::Delivery;
use lapin::types::{AMQPValue, ShortString};

use super::encode::{CLOUD_EVENT, KEY};
use crate::message::Message;

/// What stands before attributes of CloudEvents: the two forms of the AMQP binding, and those that others take
/// over from HTTP and Kafka.
const PREFIXES: [&str; 4] = [CLOUD_EVENT, "cloudEvents_", "ce-", "ce_"];

/// Headers that the broker itself adds when a message comes again.
const BROKERS_OWN: [&str; 2] = ["x-delivery-count", "x-acquired-count"];

pub(super) fn message(delivery: Delivery) -> Message {
    let Delivery { properties, data, .. } = delivery;
    let text = |value: &Option<ShortString>| {
        value.as_ref().map(|value| value.as_str().to_owned()).unwrap_or_default()
    };
    let mut message = Message {
        id: text(properties.message_id()),
        key: String::new(),
        content_type: text(properties.content_type()),
        attributes: BTreeMap::new(),
        headers: BTreeMap::new(),
        body: data.into(),
    };
    let headers = properties.headers().as_ref().map(|headers| headers.inner());
    for (name, value) in headers.into_iter().flatten() {
        let name = name.as_str();
        let Some(value) = scalar(value).filter(|_| !BROKERS_OWN.contains(&name)) else { continue };
        if name == KEY {
            message.key = value;
        } else if let Some(attribute) = attribute(name) {
            message.attributes.insert(attribute.to_ascii_lowercase(), value);
        } else {
            message.headers.insert(name.to_owned(), value);
        }
    }
    message
}

fn attribute(header: &str) -> Option<&str> {
    PREFIXES.iter().find_map(|prefix| {
        let (begin, rest) = header.split_at_checked(prefix.len())?;
        (begin.eq_ignore_ascii_case(prefix) && !rest.is_empty()).then_some(rest)
    })
}

/// A value as text. What has parts, such as the broker's own history of a dead letter, is left out.
fn scalar(value: &AMQPValue) -> Option<String> {
    match value {
        AMQPValue::Boolean(value) => Some(value.to_string()),
        AMQPValue::ShortShortInt(value) => Some(value.to_string()),
        AMQPValue::ShortShortUInt(value) => Some(value.to_string()),
        AMQPValue::ShortInt(value) => Some(value.to_string()),
        AMQPValue::ShortUInt(value) => Some(value.to_string()),
        AMQPValue::LongInt(value) => Some(value.to_string()),
        AMQPValue::LongUInt(value) => Some(value.to_string()),
        AMQPValue::LongLongInt(value) => Some(value.to_string()),
        AMQPValue::Float(value) => Some(value.to_string()),
        AMQPValue::Double(value) => Some(value.to_string()),
        AMQPValue::Timestamp(value) => Some(value.to_string()),
        AMQPValue::ShortString(value) => Some(value.as_str().to_owned()),
        AMQPValue::LongString(value) => {
            Some(String::from_utf8_lossy(value.as_bytes()).into_owned())
        }
        AMQPValue::ByteArray(value) => Some(String::from_utf8_lossy(value.as_slice()).into_owned()),
        AMQPValue::DecimalValue(_)
        | AMQPValue::FieldArray(_)
        | AMQPValue::FieldTable(_)
        | AMQPValue::Void => None,
    }
}

#[cfg(test)]
mod tests {
    use lapin::BasicProperties;
    use lapin::types::{FieldArray, FieldTable};

    use super::*;

    fn delivery(headers: Vec<(&str, AMQPValue)>) -> Delivery {
        let mut table = FieldTable::default();
        for (name, value) in headers {
            table.insert(name.into(), value);
        }
        let mut delivery = Delivery::mock(1, "".into(), "".into(), false, b"{}".to_vec());
        delivery.properties = BasicProperties::default().with_headers(table);
        delivery
    }

    #[test]
    fn every_form_of_an_attribute_is_one() {
        for header in ["cloudEvents:type", "cloudEvents_type", "ce-type", "ce_type", "Ce-Type"] {
            let message = message(delivery(vec![(header, AMQPValue::LongString("placed".into()))]));
            assert_eq!(message.attributes.get("type").map(String::as_str), Some("placed"));
            assert!(message.headers.is_empty(), "{header}");
        }
    }

    #[test]
    fn headers_of_other_types_are_text() {
        let message = message(delivery(vec![
            ("retries", AMQPValue::LongInt(-3)),
            ("urgent", AMQPValue::Boolean(true)),
            ("x-death", AMQPValue::FieldArray(FieldArray::default())),
            ("x-delivery-count", AMQPValue::LongLongInt(2)),
            ("ce-", AMQPValue::LongString("no attribute".into())),
        ]));
        let headers: Vec<_> =
            message.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(headers, [("ce-", "no attribute"), ("retries", "-3"), ("urgent", "true")]);
    }

    #[test]
    fn a_message_without_anything_is_one() {
        let message = message(Delivery::mock(1, "".into(), "".into(), false, Vec::new()));
        assert_eq!((message.id.as_str(), message.key.as_str()), ("", ""));
        assert!(message.body.is_empty());
    }
}
