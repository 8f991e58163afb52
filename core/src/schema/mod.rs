//! No event without a schema (I10): compiling, checking and comparing JSON Schemas.

mod canonical;
mod error;
mod families;
mod known;
mod parsed;
mod registered;
mod registry;
mod relation;
mod stored;
mod twice;
mod validator;

pub use error::SchemaError;
pub use families::RenamedFamily;
pub(crate) use known::{Stand, Unbound};
pub use registered::RegisteredSchema;
pub use registry::SchemaRegistry;
pub use relation::{Relation, SchemaChange, relation};
pub use stored::StoredSchemas;
pub use twice::key_that_comes_twice;
pub use validator::SchemaViolation;

/// The JSON Schema of `T`, draft 2020-12. Types within are written out where they stand, so that
/// the names of Rust types are no part of it.
pub fn schema_of<T: schemars::JsonSchema>() -> serde_json::Value {
    schemars::generate::SchemaSettings::draft2020_12()
        .with(|settings| settings.inline_subschemas = true)
        .into_generator()
        .into_root_schema_for::<T>()
        .to_value()
}
