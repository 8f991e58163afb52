//! CloudEvents in the binary mode: attributes as headers, the payload as the body.

use std::collections::BTreeMap;

use annals_core::{CloudEvent, Payload, SpecVersion, key_that_comes_twice};
use serde_json::Value;

use super::text;
use crate::message::Message;

pub(super) fn read(message: &Message) -> Result<CloudEvent, String> {
    let mut attributes = message.attributes.clone();
    let mut required = |name: &str| {
        let value = attributes.remove(name).filter(|value| !value.is_empty());
        value.ok_or_else(|| format!("the attribute `{name}` is missing"))
    };
    let specversion = required("specversion")?;
    if specversion != "1.0" {
        return Err(format!("it is of version {specversion} of CloudEvents, and 1.0 is read"));
    }
    let (id, source, event_type) = (required("id")?, required("source")?, required("type")?);
    let time = attributes.remove("time").map(|time| {
        time.parse().map_err(|error| format!("the attribute `time` is no time: {error}"))
    });
    let data = match message.body.is_empty() {
        true => None,
        false => Some(
            Payload::parse(text(message)?)
                .map_err(|error| format!("the body is no JSON: {error}"))?,
        ),
    };
    if let Some(pointer) = data.as_ref().and_then(|data| key_that_comes_twice(data.as_str())) {
        return Err(format!("the key `{pointer}` of the data comes twice"));
    }
    let media = message.content_type.clone();
    Ok(CloudEvent {
        specversion: SpecVersion::V1,
        id,
        source,
        event_type,
        subject: attributes.remove("subject"),
        time: time.transpose()?,
        datacontenttype: Some(media).filter(|media| !media.is_empty()),
        dataschema: attributes.remove("dataschema"),
        data,
        data_base64: None,
        extensions: attributes
            .into_iter()
            .map(|(name, value)| (name, Value::String(value)))
            .collect::<BTreeMap<_, _>>(),
    })
}
