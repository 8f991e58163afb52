//! What stands in the log of a saga.

use annals_core::{Event, InvalidName, StreamId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::correlation::Begins;
use crate::decision::Errand;
use crate::input::{HappenedEvent, Steer};
use crate::step::Step;

/// What stands in the log of a saga: of every instance, one stream of its steps with the commands that it sends,
/// and one of what others say to it: replies, and people.
#[derive(Debug, Clone, PartialEq, Event)]
#[event(prefix = "annals.saga", crate = annals_core)]
pub enum SagaEvent {
    /// An instance has taken a step.
    Stepped {
        /// The step.
        step: Step,
    },
    /// An instance sends a command.
    Sent {
        /// The command's number in the instance.
        number: u64,
        /// The command.
        errand: Errand,
    },
    /// A command has its reply.
    Replied {
        /// The command's number in the instance.
        number: u64,
        /// What became of it.
        reply: Reply,
    },
    /// Something has happened elsewhere, that concerns an instance.
    Told {
        /// Whether it may be the first that the instance is told.
        begins: Begins,
        /// The event.
        event: HappenedEvent,
    },
    /// A person has spoken to an instance.
    Steered {
        /// What they said.
        steer: Steer,
    },
}

/// What became of a command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "reply", rename_all = "kebab-case")]
pub enum Reply {
    /// It was executed.
    Done,
    /// The domain has refused it.
    Refused {
        /// Why.
        reason: String,
    },
}

/// The category of a saga's instances.
pub(crate) fn category(saga: &str) -> String {
    format!("saga.{saga}")
}

/// The saga whose instance's stream this is, if it is one.
pub(crate) fn saga_of(stream: &StreamId) -> Option<&str> {
    stream.category().strip_prefix("saga.")
}

/// The category of what is said to its instances.
pub(crate) fn said(saga: &str) -> String {
    format!("saga_said.{saga}")
}

/// The stream of an instance.
///
/// # Errors
/// When the name of the saga or of the instance cannot stand in the name of a stream.
pub(crate) fn stream_of(saga: &str, instance: &str) -> Result<StreamId, InvalidName> {
    StreamId::new(&category(saga), instance)
}
