//! Why a process must not start with its event types, or an event must not be stored.

use super::{SchemaChange, SchemaViolation};
use crate::error_kind::ErrorKind;
use crate::event::DecodeError;

/// A set of event types that does not hold together. The process must not start with it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SchemaError {
    /// Two Rust types claim one stored name with different schemas.
    #[error("`{event_type}` is declared twice, by `{first}` and by `{second}`: rename one")]
    DeclaredTwice {
        /// The stored name.
        event_type: String,
        /// Who came first.
        first: String,
        /// Who came second.
        second: String,
    },
    /// An older version does not reach the newest.
    #[error(
        "`{rust_name}` (`{event_type}`) is at version {newest}, but nothing leads from version \
         {from} to {}: add `upcast({from} = …)`", from + 1
    )]
    MissingUpcaster {
        /// The stored name.
        event_type: String,
        /// The name in the source.
        rust_name: String,
        /// The version nothing leads on from.
        from: u32,
        /// The newest version.
        newest: u32,
    },
    /// The schema itself cannot be compiled.
    #[error("the schema of `{event_type}` version {version} is no valid JSON Schema: {reason}")]
    Invalid {
        /// The stored name.
        event_type: String,
        /// The version.
        version: u32,
        /// What is wrong.
        reason: String,
    },
    /// History was written with another schema of the same version, and readers of the one could
    /// not read the other.
    #[error(
        "the schema of `{event_type}` version {version} differs from the one that its history was \
         written with: {}; raise the version and add an upcaster (a field that is new and optional, \
         or a variant of an enum that is new, needs neither)\n  registered: {registered}\n  \
         declared:   {declared}",
        list(changes)
    )]
    Conflict {
        /// The stored name.
        event_type: String,
        /// The version.
        version: u32,
        /// The store's schema.
        registered: String,
        /// This program's schema.
        declared: String,
        /// Where they differ.
        changes: Vec<SchemaChange>,
    },
    /// History holds a name of this family that the program no longer declares.
    #[error(
        "the store knows events of type `{event_type}`, which `{family}` no longer declares: \
         if a variant was renamed, give it `#[event(name = \"{event_type}\")]`; if it was removed \
         on purpose, add `#[event(retired(\"{event_type}\"))]` to the enum; if the enum wants only \
         some of the events, leave out `prefix` and give each variant `#[event(name = \"…\")]`, or \
         declare the whole enum in the same program, `.events::<E>()`; or a newer program, which \
         writes this event, is deployed"
    )]
    Vanished {
        /// The stored name.
        event_type: String,
        /// The prefix it belongs to.
        family: String,
    },
    /// An event whose type or version nobody registered.
    #[error(
        "no schema is registered for `{event_type}` version {version}: declare the type with \
         `#[derive(Event)]` and register it before appending"
    )]
    Unregistered {
        /// The stored name.
        event_type: String,
        /// The version.
        version: u32,
    },
    /// A payload that does not fit.
    #[error(transparent)]
    Violation(#[from] SchemaViolation),
    /// A payload that fits its schema and that nobody could read again.
    #[error("it would be written and never be read again: {0}")]
    Unreadable(#[from] DecodeError),
}

impl SchemaError {
    /// What kind of error it is: an event that does not fit is a wrong request, types that do not
    /// hold together are a fault of the program.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Violation(_) | Self::Unreadable(_) | Self::Unregistered { .. } => {
                ErrorKind::Invalid
            }
            Self::DeclaredTwice { .. }
            | Self::MissingUpcaster { .. }
            | Self::Invalid { .. }
            | Self::Conflict { .. }
            | Self::Vanished { .. } => ErrorKind::Fault,
        }
    }
}

/// How many changes a message shows.
const SHOWN: usize = 5;

fn list(changes: &[SchemaChange]) -> String {
    let mut shown: Vec<String> = changes.iter().take(SHOWN).map(ToString::to_string).collect();
    if changes.len() > SHOWN {
        shown.push(format!("and {} more", changes.len() - SHOWN));
    }
    shown.join("; ")
}
