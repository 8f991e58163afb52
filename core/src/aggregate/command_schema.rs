//! The JSON Schema of a command, if it has one.

use std::marker::PhantomData;

use schemars::JsonSchema;
use serde_json::Value;

use crate::schema::schema_of;

/// Lets generated code ask whether a command has a schema: of the two traits below the compiler takes the
/// first that fits.
#[derive(Debug, Default)]
pub struct SchemaProbe<C>(pub PhantomData<C>);

/// It has one.
pub trait SchemaOfType {
    /// The schema.
    fn schema(&self) -> Option<Value>;
}

impl<C: JsonSchema> SchemaOfType for SchemaProbe<C> {
    fn schema(&self) -> Option<Value> {
        Some(schema_of::<C>())
    }
}

/// It has none.
pub trait NoSchema {
    /// Nothing.
    fn schema(&self) -> Option<Value>;
}

impl<C> NoSchema for &SchemaProbe<C> {
    fn schema(&self) -> Option<Value> {
        None
    }
}
