//! One step of a payload from schema version n to n + 1, typed or on JSON.
//!
//! Both forms are plain functions: `fn(WithdrawnV1) -> WithdrawnV2` or
//! `fn(serde_json::Value) -> serde_json::Value`.

use std::fmt::Display;

use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::misfit::{Misfit, read};
use crate::payload::Payload;

/// The step that lifts a payload of version `from` to `from + 1`.
#[derive(Debug, Clone, Copy)]
pub struct Upcaster {
    /// The version it takes.
    pub from: u32,
    /// The JSON Schema of the version it takes.
    pub schema: fn() -> serde_json::Value,
    /// The step itself.
    pub apply: fn(&Payload) -> Result<Payload, UpcastError>,
}

/// A step that could not be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UpcastError {
    /// Nobody wrote it.
    #[error("there is no upcaster from version {from}: add `upcast({from} = …)`")]
    Missing {
        /// The version nobody takes.
        from: u32,
    },
    /// The payload does not fit what the step takes.
    #[error("the payload does not fit what the upcaster takes {0}")]
    Input(Box<Misfit>),
    /// The result cannot be written.
    #[error("the upcaster's result cannot be written as JSON: {0}")]
    Output(String),
    /// A `try_upcast` said no.
    #[error("the upcaster refused: {0}")]
    Refused(String),
}

/// Makes one step. Called by generated code.
pub fn upcast_step<Old, New>(
    payload: &Payload,
    step: fn(Old) -> New,
) -> Result<Payload, UpcastError>
where
    Old: DeserializeOwned,
    New: Serialize,
{
    let old = read(payload.as_str()).map_err(UpcastError::Input)?;
    write(&step(old))
}

/// Makes one step that may refuse. Called by generated code.
pub fn try_upcast_step<Old, New, E>(
    payload: &Payload,
    step: fn(Old) -> Result<New, E>,
) -> Result<Payload, UpcastError>
where
    Old: DeserializeOwned,
    New: Serialize,
    E: Display,
{
    let old = read(payload.as_str()).map_err(UpcastError::Input)?;
    let new = step(old).map_err(|error| UpcastError::Refused(error.to_string()))?;
    write(&new)
}

fn write<T: Serialize>(new: &T) -> Result<Payload, UpcastError> {
    Payload::encode(new).map_err(|error| UpcastError::Output(error.to_string()))
}

/// The schema of what a step takes. Called by generated code.
pub fn upcaster_input_schema<Old: JsonSchema, New>(_: fn(Old) -> New) -> serde_json::Value {
    crate::schema::schema_of::<Old>()
}

/// The schema of what a step that may refuse takes. Called by generated code.
pub fn try_upcaster_input_schema<Old: JsonSchema, New, E>(
    _: fn(Old) -> Result<New, E>,
) -> serde_json::Value {
    crate::schema::schema_of::<Old>()
}
