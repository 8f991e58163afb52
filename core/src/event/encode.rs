//! Writing a payload.

use serde::{Deserialize, Serialize};

use crate::payload::Payload;

/// An event that cannot be written as JSON.
#[derive(Debug, thiserror::Error)]
#[error("an event of type `{event_type}` cannot be written as JSON: {source}")]
pub struct EncodeError {
    /// The type of the event.
    pub event_type: &'static str,
    /// What went wrong.
    pub source: serde_json::Error,
}

/// The payload of an event without fields: `{}`, so that fields can be added later.
#[derive(Debug, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Empty {}

/// Writes `data` as the payload of `event_type`. Called by generated code.
pub fn encode<T: Serialize>(event_type: &'static str, data: &T) -> Result<Payload, EncodeError> {
    Payload::encode(data).map_err(|source| EncodeError { event_type, source })
}
