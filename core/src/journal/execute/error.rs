//! Why a command had no effect.

use super::super::fold::LoadError;
use super::super::register::RegisterError;
use crate::envelope::EventId;
use crate::event::EncodeError;
use crate::names::{InvalidName, StreamId, StreamVersion};
use crate::schema::SchemaError;
use crate::store::{InvalidKey, StoreError};

/// A command that had no effect, or whose effect is unknown.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExecuteError<E: std::error::Error + 'static> {
    /// The aggregate refused. Nothing was written.
    #[error(transparent)]
    Domain(E),
    /// Others kept writing to the stream, or it is not at the version asked for. Nothing was
    /// written.
    #[error(
        "stream `{stream}` is at version {actual}, not at {expected}, after {attempts} attempts: try again later"
    )]
    Conflict {
        /// The stream.
        stream: StreamId,
        /// The version the last decision was made on.
        expected: StreamVersion,
        /// The version found.
        actual: StreamVersion,
        /// How often it was decided.
        attempts: u32,
    },
    /// The store broke during the commit and could not be asked afterwards.
    #[error("whether the command had its effect is unknown: {source}")]
    OutcomeUnknown {
        /// The ids of the events that may have been written: look them up.
        event_ids: Vec<EventId>,
        /// What broke.
        source: StoreError,
    },
    /// The store failed. Nothing was written.
    #[error(transparent)]
    Store(StoreError),
    /// The aggregate could not be loaded.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// The aggregate's events do not fit this store.
    #[error(transparent)]
    Register(#[from] RegisterError),
    /// An event does not fit its own schema.
    #[error(transparent)]
    Schema(#[from] SchemaError),
    /// An event cannot be written as JSON.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// The id cannot be part of a stream's name.
    #[error(transparent)]
    InvalidId(#[from] InvalidName),
    /// The idempotency key has the wrong length.
    #[error(transparent)]
    InvalidKey(#[from] InvalidKey),
}
