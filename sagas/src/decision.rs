//! What is decided on an input, as it stands in the saga's stream.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::sendable::Sendable;

/// A command on its way to an aggregate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Errand {
    /// The command's stable name.
    pub command: String,
    /// The category of the aggregate that decides it.
    pub category: String,
    /// The id of that aggregate.
    pub id: String,
    /// The command as JSON.
    pub body: Value,
    /// Whether it does not wait for the reply to the command before it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub beside: bool,
}

impl Errand {
    /// A command for an aggregate.
    ///
    /// # Errors
    /// When the command cannot be written as JSON.
    pub fn of<C: Sendable>(id: &C::Id, command: &C) -> Result<Self, serde_json::Error> {
        Ok(Self {
            command: C::NAME.to_owned(),
            category: C::CATEGORY.to_owned(),
            id: id.to_string(),
            body: serde_json::to_value(command)?,
            beside: false,
        })
    }
}

/// What was decided on an input: by the saga, or by the rules that hold for every saga. Commands have
/// numbers, 1, 2, 3, … in the order in which an instance sends them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "decided", rename_all = "kebab-case")]
pub enum Decided {
    /// A command is sent.
    Send {
        /// The command.
        errand: Errand,
        /// What undoes it, should the flow be compensated after it was done.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        undo: Option<Errand>,
    },
    /// A command is sent that undoes another.
    Undo {
        /// The number of the command that it undoes.
        of: u64,
        /// The command.
        errand: Errand,
    },
    /// The instance is woken at a time, unless it calls that off before.
    Wake {
        /// The name of the deadline. One that is there already moves.
        deadline: String,
        /// When.
        at: Timestamp,
    },
    /// A deadline is called off.
    CallOff {
        /// Its name.
        deadline: String,
    },
    /// The flow has come to its end as soon as every command that was sent is done.
    Complete,
    /// What was done is undone, the last first.
    Compensate {
        /// Why.
        reason: String,
    },
    /// A command that undoes another was refused: a person has to act.
    Stuck {
        /// The number of the command that was refused.
        command: u64,
        /// Why.
        reason: String,
    },
    /// The instance has ended.
    End {
        /// How.
        outcome: Outcome,
    },
}

impl Decided {
    /// The command that is sent, if one is.
    pub(crate) fn errand(&self) -> Option<&Errand> {
        match self {
            Self::Send { errand, .. } | Self::Undo { errand, .. } => Some(errand),
            _ => None,
        }
    }
}

/// How an instance has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Everything was done.
    Completed,
    /// Everything that was done was undone.
    Compensated,
}
