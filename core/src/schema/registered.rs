//! A schema as the store keeps it.

use serde_json::Value;

/// The schema of one version of one event type, as registered in a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegisteredSchema {
    /// The stable dotted name.
    pub event_type: String,
    /// The schema version.
    pub version: u32,
    /// The prefix whose names belong to one Rust enum.
    pub family: Option<String>,
    /// The schema as canonical JSON text: sorted keys and sets, without what only people read.
    pub schema: String,
}

impl RegisteredSchema {
    /// The schema itself. A text that is no JSON equals no schema.
    pub(super) fn parsed(&self) -> Value {
        serde_json::from_str(&self.schema).unwrap_or(Value::Null)
    }
}
