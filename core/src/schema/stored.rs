//! Checking what is stored against the schemas it was registered with, without any Rust type.

use std::collections::HashMap;

use super::validator::CompiledSchema;
use super::{RegisteredSchema, SchemaError, SchemaViolation};
use crate::envelope::{EventType, NewEvent, RecordedEvent};

/// The schemas of a store, compiled, for whoever knows none of its types: the command line, an import.
///
/// ```
/// use annals_core::{Payload, RegisteredSchema, StoredSchemas};
///
/// let mut schemas = StoredSchemas::default();
/// schemas.add(&RegisteredSchema {
///     event_type: "order.placed".to_owned(),
///     version: 1,
///     family: None,
///     schema: r#"{"type": "object", "required": ["lines"]}"#.to_owned(),
/// })?;
/// let check = |text: &str| schemas.check_payload("order.placed", 1, &Payload::from_stored(text));
/// assert_eq!(check(r#"{"lines": 3}"#), Ok(true));
/// assert!(check("{}").is_err());
/// assert_eq!(schemas.check_payload("order.paid", 1, &Payload::from_stored("{}")), Ok(false));
/// # Ok::<(), annals_core::SchemaError>(())
/// ```
#[derive(Default)]
pub struct StoredSchemas {
    schemas: HashMap<String, HashMap<u32, CompiledSchema>>,
}

impl StoredSchemas {
    /// Compiles all schemas of a store.
    ///
    /// # Errors
    /// As [`add`](Self::add).
    pub fn compile(schemas: &[RegisteredSchema]) -> Result<Self, SchemaError> {
        let mut compiled = Self::default();
        schemas.iter().try_for_each(|schema| compiled.add(schema))?;
        Ok(compiled)
    }

    /// Takes one in, in place of what was known of its type and version.
    ///
    /// # Errors
    /// [`SchemaError::Invalid`] when it is no JSON Schema.
    pub fn add(&mut self, schema: &RegisteredSchema) -> Result<(), SchemaError> {
        let invalid = |reason: String| SchemaError::Invalid {
            event_type: schema.event_type.clone(),
            version: schema.version,
            reason,
        };
        let parsed: serde_json::Value =
            serde_json::from_str(&schema.schema).map_err(|error| invalid(error.to_string()))?;
        let compiled = CompiledSchema::compile(&parsed).map_err(invalid)?;
        let versions = self.schemas.entry(schema.event_type.clone()).or_default();
        versions.insert(schema.version, compiled);
        Ok(())
    }

    /// Whether there is a schema for an event, which fits it then.
    ///
    /// # Errors
    /// [`SchemaViolation`] when it does not fit.
    pub fn check(&self, event: &RecordedEvent) -> Result<bool, SchemaViolation> {
        self.check_payload(event.event_type.as_str(), event.schema_version, &event.payload)
    }

    /// The same, of the parts that matter.
    ///
    /// # Errors
    /// [`SchemaViolation`] when it does not fit.
    pub fn check_payload(
        &self,
        event_type: &str,
        version: u32,
        payload: &crate::payload::Payload,
    ) -> Result<bool, SchemaViolation> {
        let schema = self.schemas.get(event_type).and_then(|versions| versions.get(&version));
        let Some(schema) = schema else { return Ok(false) };
        let event = NewEvent::raw(EventType::from(event_type), version, payload.clone());
        schema.check(&event).map(|()| true)
    }
}

impl std::fmt::Debug for StoredSchemas {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.schemas.keys()).finish()
    }
}
