//! A schema as the store keeps it, and when two of them say the same.

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
    /// The schema as canonical JSON text: sorted keys, without titles and descriptions.
    pub schema: String,
}

/// Writes a schema so that equal texts mean equal schemas: prose does not count, nor does the
/// order of keys.
pub(super) fn canonical(schema: &Value) -> String {
    strip(schema, false).to_string()
}

/// Drops the keywords that only people read. Below `properties` and `$defs` the keys are names of
/// the user's, and a field may well be called `title`.
fn strip(schema: &Value, keys_are_names: bool) -> Value {
    const PROSE: [&str; 6] = ["title", "description", "$schema", "$comment", "examples", "$id"];
    match schema {
        Value::Object(fields) => fields
            .iter()
            .filter(|(key, _)| keys_are_names || !PROSE.contains(&key.as_str()))
            .map(|(key, value)| {
                let names = !keys_are_names
                    && matches!(key.as_str(), "properties" | "$defs" | "patternProperties");
                (key.clone(), strip(value, names))
            })
            .collect(),
        Value::Array(items) => items.iter().map(|item| strip(item, false)).collect(),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::canonical;

    #[test]
    fn prose_does_not_count_but_a_field_called_title_does() {
        let old = json!({"type": "object", "description": "old", "properties": {"a": {"type": "string"}}});
        let new = json!({"description": "new", "properties": {"a": {"type": "string", "title": "A"}}, "type": "object"});
        assert_eq!(canonical(&old), canonical(&new));
        let with_title =
            json!({"type": "object", "properties": {"a": {"type": "string"}, "title": {}}});
        assert_ne!(canonical(&old), canonical(&with_title));
    }
}
