//! What no store can keep: refused before an append waits for anything, in the same words by all
//! stores, so that one bad event hurts nobody who is committed together with it.

use crate::envelope::{EventType, Metadata, NewEvent};
use crate::json_text::{find_nul, is_deeper_than};
use crate::names::StreamId;
use crate::store::StoreError;
use crate::time::{KeptTimes, is_kept};

/// The longest payload, in bytes of JSON: what is larger belongs into a file, and its name into the
/// event.
pub const MAX_PAYLOAD_BYTES: usize = 16 << 20;

/// The longest metadata of one event, in bytes over all its texts.
pub const MAX_METADATA_BYTES: usize = 64 << 10;

/// How much one append takes at the most, in bytes of payloads and metadata over all its streams.
pub const MAX_APPEND_BYTES: usize = 64 << 20;

/// The longest name of an event type, in bytes.
pub const MAX_EVENT_TYPE_BYTES: usize = 255;

/// The largest version of a schema: databases keep it in 32 bits with a sign.
const MAX_SCHEMA_VERSION: u32 = i32::MAX as u32;

/// How many arrays and objects may stand inside each other: what is deeper, few can read back.
const MAX_DEPTH: usize = 127;

/// Refuses an event that some store could not keep.
pub(super) fn check_event(stream: &StreamId, event: &NewEvent) -> Result<(), StoreError> {
    match mistake(event) {
        None => Ok(()),
        Some(why) => {
            let event_type: String = event.event_type.as_str().chars().take(60).collect();
            let event_type = event_type.escape_debug();
            Err(StoreError::Invalid { why: format!("event `{event_type}` for `{stream}`: {why}") })
        }
    }
}

fn mistake(event: &NewEvent) -> Option<String> {
    event_type_mistake(&event.event_type)
        .or_else(|| {
            (event.schema_version > MAX_SCHEMA_VERSION).then(|| {
                format!(
                    "schema version {} is larger than {MAX_SCHEMA_VERSION}",
                    event.schema_version
                )
            })
        })
        .or_else(|| {
            let time = event.occurred_at.filter(|time| !is_kept(*time))?;
            Some(format!("it occurred at {time}, and {KeptTimes}"))
        })
        .or_else(|| payload_mistake(event))
        .or_else(|| metadata_mistake(&event.metadata))
}

fn event_type_mistake(event_type: &EventType) -> Option<String> {
    let name = event_type.as_str();
    if name.len() > MAX_EVENT_TYPE_BYTES {
        return Some(format!(
            "the name of its type has {} bytes, at most {MAX_EVENT_TYPE_BYTES} are kept",
            name.len()
        ));
    }
    name.contains('\0').then(|| "U+0000 stands in the name of its type".to_owned())
}

fn payload_mistake(event: &NewEvent) -> Option<String> {
    let text = event.payload.as_str();
    if text.len() > MAX_PAYLOAD_BYTES {
        return Some(format!(
            "its payload has {} bytes, at most {MAX_PAYLOAD_BYTES} are kept: put what is large \
             into a file, and its name into the event",
            text.len()
        ));
    }
    if let Err(error) = event.payload.check() {
        return Some(format!("its payload is no JSON: {error}"));
    }
    if let Some(pointer) = find_nul(text) {
        return Some(format!(
            "U+0000 stands in its payload at `{pointer}`: leave it out, or replace it with \
             `Payload::replacing_nul`"
        ));
    }
    is_deeper_than(text, MAX_DEPTH).then(|| {
        format!("more than {MAX_DEPTH} arrays and objects stand inside each other in its payload")
    })
}

fn metadata_mistake(metadata: &Metadata) -> Option<String> {
    let with_nul = metadata.texts().find(|(_, text)| text.contains('\0'));
    if let Some((name, _)) = with_nul {
        return Some(format!("U+0000 stands in its metadata, in `{}`", name.escape_debug()));
    }
    let bytes = metadata.bytes();
    (bytes > MAX_METADATA_BYTES)
        .then(|| format!("its metadata has {bytes} bytes, at most {MAX_METADATA_BYTES} are kept"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::payload::Payload;

    fn refusal(event: &NewEvent) -> Option<String> {
        let stream = StreamId::parse("order-1").expect("a good name");
        check_event(&stream, event).err().map(|error| error.to_string())
    }

    fn with_payload(text: impl Into<std::sync::Arc<str>>) -> NewEvent {
        NewEvent::raw("order.placed", 1, Payload::from_stored(text))
    }

    #[test]
    fn what_is_good_is_let_through() {
        let mut event = with_payload(r#"{"text":"\\u0000 \u0001","n":[1e999]}"#);
        event.schema_version = MAX_SCHEMA_VERSION;
        event.metadata.actor = Some("ann".to_owned());
        assert_eq!(refusal(&event), None);
        assert_eq!(
            refusal(&with_payload(format!("\"{}\"", "x".repeat(MAX_PAYLOAD_BYTES - 2)))),
            None
        );
    }

    #[test]
    fn a_refusal_says_where_and_what() {
        let mut large = with_payload("{}");
        large.schema_version = u32::MAX;
        let mut early = with_payload("{}");
        early.occurred_at = Some(jiff::Timestamp::MIN);
        let mut odd_type = with_payload("{}");
        odd_type.event_type = EventType::from("a\0b");
        let mut long_type = with_payload("{}");
        long_type.event_type = EventType::from("x".repeat(256));
        let mut odd_actor = with_payload("{}");
        odd_actor.metadata.actor = Some("a\0".to_owned());
        let mut odd_key = with_payload("{}");
        odd_key.metadata.custom.insert("a\0".to_owned(), String::new());
        let mut odd_attribute = with_payload("{}");
        let nested = serde_json::json!({"list": [1, "a\0"]});
        odd_attribute.metadata.attributes.insert("subject".to_owned(), nested);
        let mut much = with_payload("{}");
        much.metadata.source = Some("x".repeat(MAX_METADATA_BYTES + 1));
        for (event, words) in [
            (with_payload("{bad"), ["order.placed", "order-1", "no JSON"]),
            (with_payload(r#"{"a":["\u0000"]}"#), ["order.placed", "`/a/0`", "replacing_nul"]),
            (with_payload("[".repeat(200) + &"]".repeat(200)), ["order.placed", "127", "inside"]),
            (with_payload("1".repeat(MAX_PAYLOAD_BYTES + 1)), ["16777217", "16777216", "file"]),
            (large, ["4294967295", "2147483647", "version"]),
            (early, ["-009999", "0000-01-01", "9999-12-30"]),
            (odd_type, ["a\\0b", "U+0000", "type"]),
            (long_type, ["256", "255", "type"]),
            (odd_actor, ["U+0000", "metadata", "`actor`"]),
            (odd_key, ["U+0000", "metadata", "custom"]),
            (odd_attribute, ["U+0000", "metadata", "attributes"]),
            (much, ["65537", "65536", "metadata"]),
        ] {
            let refusal = refusal(&event).expect("it is refused");
            for word in words {
                assert!(refusal.contains(word), "`{refusal}` does not say `{word}`");
            }
        }
    }
}
