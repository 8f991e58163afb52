//! The schema of an event as others are given it.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use annals_core::{Event, EventDescriptor};

use crate::escape::escaped;

/// The dialect of a schema that does not name its own.
const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";

/// The JSON Schema of one version of an event.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EventSchema {
    /// The stable dotted name.
    #[serde(rename = "type")]
    pub event_type: String,
    /// The schema version.
    pub version: u32,
    /// The schema.
    pub schema: Value,
}

impl EventSchema {
    /// A schema. Its keys are put in order, so that equal schemas are written equally.
    pub fn new(event_type: impl Into<String>, version: u32, mut schema: Value) -> Self {
        schema.sort_all_objects();
        Self { event_type: event_type.into(), version, schema }
    }

    /// Those of all types of `E` in all their versions, by name and version. An older version that an upcaster
    /// takes as plain JSON has none: its shape is not known any more.
    pub fn of<E: Event>() -> Vec<Self> {
        let descriptors = E::descriptors();
        let mut all: Vec<Self> = descriptors.iter().flat_map(Self::versions).collect();
        all.sort_by(|one, other| one.place().cmp(&other.place()));
        all.dedup_by(|one, other| one.place() == other.place());
        all
    }

    fn versions(event: &EventDescriptor) -> Vec<Self> {
        let older = event.upcasters.iter().map(|step| (step.from, (step.schema)()));
        let older = older.filter(|(_, schema)| !allows_everything(schema));
        let newest = std::iter::once((event.version, (event.schema)()));
        let all = older.chain(newest);
        all.map(|(version, schema)| Self::new(event.event_type, version, schema)).collect()
    }

    /// Where it stands among others.
    pub(crate) fn place(&self) -> (&str, u32) {
        (&self.event_type, self.version)
    }

    /// The schema as a document of its own, which says what it follows and has the URN that
    /// [messages](annals_core::CloudEvent::schema_urn) name in `dataschema`.
    ///
    /// ```
    /// use annals_outbox::EventSchema;
    ///
    /// let schema = serde_json::json!({ "type": "object" });
    /// let document = EventSchema::new("shop.order.placed", 2, schema).document();
    /// assert_eq!(document["$id"], "urn:annals:schema:shop.order.placed:2");
    /// assert_eq!(document["type"], "object");
    /// ```
    pub fn document(&self) -> Value {
        let mut document = match &self.schema {
            Value::Object(schema) => schema.clone(),
            Value::Bool(false) => Map::from_iter([("not".to_owned(), json!({}))]),
            // It allows everything; and what is no schema says nothing.
            _ => Map::new(),
        };
        document.entry("$schema").or_insert_with(|| DIALECT.into());
        document.insert("$id".to_owned(), self.urn().into());
        let mut document = Value::Object(document);
        document.sort_all_objects();
        document
    }

    /// What it is called as a file: `shop.order.placed.v2.json`.
    pub fn file_name(&self) -> String {
        format!("{}.v{}.json", escaped(&self.event_type), self.version)
    }

    /// Its URN, in which every name can stand.
    fn urn(&self) -> String {
        annals_core::CloudEvent::schema_urn(&escaped(&self.event_type), self.version).to_string()
    }
}

/// Whether a schema says nothing of the values beneath it, only of itself.
fn allows_everything(schema: &Value) -> bool {
    match schema {
        Value::Object(schema) => {
            schema.keys().all(|key| matches!(key.as_str(), "$schema" | "title" | "description"))
        }
        other => *other == Value::Bool(true),
    }
}
