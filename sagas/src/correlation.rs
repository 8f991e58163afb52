//! Which instance an event is for.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ledger::Phase;

/// Which instance an event is for, and whether it may be the first that the instance is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Correlation {
    pub(crate) instance: String,
    pub(crate) begins: Begins,
}

/// Whether an event may be the first that an instance is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Begins {
    /// It begins the instance, which must not be there.
    Always,
    /// It begins the instance, or is one of several that do.
    IfNew,
    /// The instance must be there.
    Never,
}

impl Correlation {
    /// Begins an instance. When it is there already, the event is a stray one.
    pub fn start(instance: impl ToString) -> Self {
        Self { instance: instance.to_string(), begins: Begins::Always }
    }

    /// Begins an instance, or is told to it if it is there: where several events may be the first.
    pub fn start_or_continue(instance: impl ToString) -> Self {
        Self { instance: instance.to_string(), begins: Begins::IfNew }
    }

    /// Is told to an instance. When it never began, or has ended, the event is a stray one.
    pub fn continues(instance: impl ToString) -> Self {
        Self { instance: instance.to_string(), begins: Begins::Never }
    }

    /// The instance.
    pub fn instance(&self) -> &str {
        &self.instance
    }

    /// Why the event is a stray one for the instance, if it is, by where that stands.
    pub fn stray(&self, phase: &Phase) -> Option<&'static str> {
        match (self.begins, phase) {
            (Begins::Never, Phase::New) => Some("has never begun"),
            (Begins::Always, phase) if *phase != Phase::New => Some("has begun already"),
            _ => None,
        }
    }
}
