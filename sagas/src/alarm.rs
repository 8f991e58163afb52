//! What stands in a timer of a saga.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A deadline of an instance.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Alarm {
    pub(crate) instance: String,
    pub(crate) deadline: String,
    /// When it is due. The timer itself may be tried again later.
    pub(crate) at: Timestamp,
}

impl Alarm {
    /// What tells its timer from the saga's others.
    pub(crate) fn key(instance: &str, deadline: &str) -> String {
        format!("{instance}/{deadline}")
    }
}
