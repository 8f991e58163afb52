//! One step of an instance, as it stands in its stream.

use std::collections::BTreeSet;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::decision::Decided;
use crate::input::Input;

/// One step of an instance: what it was told, and what was decided on it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Step {
    /// The version of the program that took it.
    pub version: u32,
    /// When, by the store's clock.
    pub at: Timestamp,
    /// The event of the log by which it was told something; none for a deadline. It counts once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub told_by: Option<Uuid>,
    /// What the instance was told.
    pub input: Input,
    /// The changes of the program that held for it: see [`Flow::patched`](crate::Flow::patched).
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub patches: BTreeSet<String>,
    /// What was decided, in order.
    pub decided: Vec<Decided>,
}
