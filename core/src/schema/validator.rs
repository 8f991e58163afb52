//! One compiled schema.

use jsonschema::Validator;

use super::parsed::parse;
use super::twice::key_that_comes_twice;
use crate::envelope::{EventType, NewEvent};
use crate::table::{EARLIEST_DATE, LATEST_DATE};
use crate::time::is_kept;

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

/// The name of a format, and whether a text has it.
type Format = (&'static str, fn(&str) -> bool);

/// The formats of what a column holds: a text of another shape, or out of the column's range, could be
/// stored and never be projected.
const CHECKED: &[Format] = &[
    ("date-time", |text| text.parse().is_ok_and(is_kept)),
    ("date", |text| text.parse().is_ok_and(|day| (EARLIEST_DATE..=LATEST_DATE).contains(&day))),
    ("uuid", |text| uuid::Uuid::parse_str(text).is_ok()),
];

/// The other formats say what a text is meant to be, and Rust's types write some of them otherwise.
const UNCHECKED: &[&str] = &[
    "duration",
    "email",
    "hostname",
    "idn-email",
    "idn-hostname",
    "ipv4",
    "ipv6",
    "iri",
    "iri-reference",
    "json-pointer",
    "regex",
    "relative-json-pointer",
    "time",
    "uri",
    "uri-reference",
    "uri-template",
];

/// A schema, compiled once.
pub(super) struct CompiledSchema {
    validator: Validator,
}

impl CompiledSchema {
    pub(super) fn compile(schema: &serde_json::Value) -> Result<Self, String> {
        let mut options = jsonschema::options().should_validate_formats(true);
        for (name, fits) in CHECKED {
            options = options.with_format(*name, *fits);
        }
        for name in UNCHECKED {
            options = options.with_format(*name, |_: &str| true);
        }
        let validator = options.build(schema).map_err(|error| error.to_string())?;
        Ok(Self { validator })
    }

    pub(super) fn check(&self, event: &NewEvent) -> Result<(), SchemaViolation> {
        let violation = |pointer: String, reason: String| SchemaViolation {
            event_type: event.event_type.clone(),
            version: event.schema_version,
            pointer: if pointer.is_empty() { "/".to_owned() } else { pointer },
            reason,
        };
        let parsed = parse(event.payload.as_str())
            .map_err(|error| violation(String::new(), format!("not JSON: {error}")))?;
        match self.validator.validate(&parsed.value) {
            Ok(()) if parsed.twice => {
                let pointer = key_that_comes_twice(event.payload.as_str()).unwrap_or_default();
                Err(violation(pointer, "the key comes twice".to_owned()))
            }
            Ok(()) => Ok(()),
            Err(error) => {
                Err(violation(error.instance_path().to_string(), error.masked().to_string()))
            }
        }
    }
}
