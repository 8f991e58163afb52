//! One compiled schema.

use jsonschema::Validator;

use super::twice::key_that_comes_twice;
use crate::envelope::{EventType, NewEvent};

/// A payload that does not fit its type's schema. Nothing was written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the payload of `{event_type}` version {version} does not fit its schema at \
     `{pointer}`: {reason}"
)]
pub struct SchemaViolation {
    /// The type of the event.
    pub event_type: EventType,
    /// The version of the schema.
    pub version: u32,
    /// The place in the payload, as a JSON pointer; `/` for the whole.
    pub pointer: String,
    /// What is wrong there. Values are left out, because they may be personal.
    pub reason: String,
}

/// A schema, compiled once.
pub(super) struct CompiledSchema {
    validator: Validator,
}

impl CompiledSchema {
    pub(super) fn compile(schema: &serde_json::Value) -> Result<Self, String> {
        let validator = jsonschema::validator_for(schema).map_err(|error| error.to_string())?;
        Ok(Self { validator })
    }

    pub(super) fn check(&self, event: &NewEvent) -> Result<(), SchemaViolation> {
        let violation = |pointer: String, reason: String| SchemaViolation {
            event_type: event.event_type.clone(),
            version: event.schema_version,
            pointer: if pointer.is_empty() { "/".to_owned() } else { pointer },
            reason,
        };
        let payload: serde_json::Value = event
            .payload
            .decode()
            .map_err(|error| violation(String::new(), format!("not JSON: {error}")))?;
        match self.validator.validate(&payload) {
            Ok(()) => match key_that_comes_twice(event.payload.as_str()) {
                None => Ok(()),
                Some(pointer) => Err(violation(pointer, "the key comes twice".to_owned())),
            },
            Err(error) => {
                Err(violation(error.instance_path().to_string(), error.masked().to_string()))
            }
        }
    }
}
