//! A stored event whose payload has been read as the user's type.

use std::fmt;
use std::ops::Deref;
use std::str::FromStr;

use super::RecordedEvent;
use crate::event::{DecodeError, Event};

/// A typed event with its envelope. Dereferences to the envelope.
#[derive(Debug, Clone, PartialEq)]
pub struct Recorded<E> {
    /// The event itself, upcast to its newest version.
    pub data: E,
    /// The envelope, with the payload as it was stored.
    pub envelope: RecordedEvent,
}

impl<E: Event> Recorded<E> {
    /// Reads the payload, through the upcasters if it is of an older version.
    ///
    /// # Errors
    /// [`DecodeError`] when the type is not one of `E`'s or the payload does not fit.
    pub fn decode(envelope: RecordedEvent) -> Result<Self, DecodeError> {
        let data = E::decode(
            envelope.event_type.as_str(),
            envelope.schema_version,
            envelope.payload.as_str(),
        )?;
        Ok(Self { data, envelope })
    }
}

impl<E> Recorded<E> {
    /// The id of the aggregate whose stream this event stands in.
    ///
    /// # Errors
    /// [`InvalidAggregateId`] when the stream's id is not written as an `Id`: most likely the
    /// event comes from another kind of aggregate than expected.
    pub fn aggregate_id<Id: FromStr<Err: fmt::Display>>(&self) -> Result<Id, InvalidAggregateId> {
        self.envelope.stream.id().parse().map_err(|error: Id::Err| InvalidAggregateId {
            stream: self.envelope.stream.to_string(),
            id_type: std::any::type_name::<Id>(),
            reason: error.to_string(),
        })
    }
}

impl<E> Deref for Recorded<E> {
    type Target = RecordedEvent;

    fn deref(&self) -> &RecordedEvent {
        &self.envelope
    }
}

/// A stream's id that cannot be read as the type asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the id of stream `{stream}` is not a {id_type}: {reason}")]
pub struct InvalidAggregateId {
    /// The stream.
    pub stream: String,
    /// The type asked for.
    pub id_type: &'static str,
    /// Why it does not fit.
    pub reason: String,
}
