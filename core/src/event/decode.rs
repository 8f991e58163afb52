//! Reading a payload, through the upcasters if it is of an older version.

use serde::de::DeserializeOwned;

use super::misfit::{Misfit, read};
use super::upcast::{UpcastError, Upcaster};
use crate::payload::Payload;

/// A stored event that this program cannot read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The type is not one that the reader declares.
    #[error(
        "`{reader}` does not know events of type `{event_type}`: declare the type, \
         or choose to skip unknown events"
    )]
    UnknownType {
        /// The type as stored.
        event_type: String,
        /// The Rust type that was asked to read it.
        reader: &'static str,
    },
    /// A newer program wrote it.
    #[error(
        "an event of type `{event_type}` has schema version {version}, this program knows \
         versions up to {newest}: deploy the newer program"
    )]
    FromTheFuture {
        /// The type as stored.
        event_type: String,
        /// The version as stored.
        version: u32,
        /// The newest version this program knows.
        newest: u32,
    },
    /// An upcaster is missing or refused.
    #[error("an event of type `{event_type}` cannot be upcast: {source}")]
    Upcast {
        /// The type as stored.
        event_type: String,
        /// Which step, and why.
        source: UpcastError,
    },
    /// The payload does not fit the type.
    #[error(
        "the payload of an event of type `{event_type}`, version {version}, cannot be read \
         {source}"
    )]
    Payload {
        /// The type as stored.
        event_type: String,
        /// The version as stored.
        version: u32,
        /// What does not fit, and where.
        source: Box<Misfit>,
    },
    /// An upcaster, or a type that reads itself, panicked.
    #[error("reading an event of type `{event_type}`, version {version}, panicked")]
    Panicked {
        /// The type as stored.
        event_type: String,
        /// The version as stored.
        version: u32,
    },
}

impl DecodeError {
    /// The error of a reader that does not know the type.
    pub fn unknown_type(event_type: &str, reader: &'static str) -> Self {
        Self::UnknownType { event_type: event_type.to_owned(), reader }
    }
}

/// What a reader does with events of a type it does not know. Always its explicit choice.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub enum UnknownEvents {
    /// Stop with [`DecodeError::UnknownType`].
    #[default]
    Error,
    /// Pass over them.
    Skip,
    /// Hand them over undecoded.
    Raw,
}

/// Reads a payload as `T`, the newest version. Called by generated code.
pub fn decode<T: DeserializeOwned>(
    event_type: &'static str,
    newest: u32,
    upcasters: &'static [Upcaster],
    version: u32,
    payload: &str,
) -> Result<T, DecodeError> {
    if version > newest {
        return Err(DecodeError::FromTheFuture {
            event_type: event_type.to_owned(),
            version,
            newest,
        });
    }
    if version == newest {
        return read(payload).map_err(unfit(event_type, version));
    }
    let mut current = Payload::from_stored(payload);
    for step in version..newest {
        let upcaster = upcasters.iter().find(|upcaster| upcaster.from == step);
        let next = match upcaster {
            Some(upcaster) => (upcaster.apply)(&current),
            None => Err(UpcastError::Missing { from: step }),
        };
        current = next
            .map_err(|source| DecodeError::Upcast { event_type: event_type.to_owned(), source })?;
    }
    read(current.as_str()).map_err(unfit(event_type, version))
}

fn unfit(event_type: &str, version: u32) -> impl Fn(Box<Misfit>) -> DecodeError {
    move |source| DecodeError::Payload { event_type: event_type.to_owned(), version, source }
}
