//! CloudEvents in the structured mode: the body is one JSON object.

use annals_core::{CloudEvent, key_that_comes_twice};

use super::text;
use crate::message::Message;

pub(super) fn read(message: &Message) -> Result<CloudEvent, String> {
    let body = text(message)?;
    let event = serde_json::from_str(body)
        .map_err(|error| format!("the body is no CloudEvent in JSON: {error}"))?;
    match key_that_comes_twice(body) {
        Some(pointer) => Err(format!("the key `{pointer}` comes twice")),
        None => Ok(event),
    }
}
