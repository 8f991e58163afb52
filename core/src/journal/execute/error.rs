//! Why a command had no effect.

use super::super::fold::LoadError;
use super::super::register::RegisterError;
use crate::envelope::EventId;
use crate::error_kind::ErrorKind;
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
        "stream `{stream}` is at version {actual}, not at {expected}{}",
        way_out(*attempts, *asked)
    )]
    Conflict {
        /// The stream.
        stream: StreamId,
        /// The version the last decision was made on, or that was asked for.
        expected: StreamVersion,
        /// The version found.
        actual: StreamVersion,
        /// How often it was decided.
        attempts: u32,
        /// Whether the version was asked for with [`at`](super::Execute::at).
        asked: bool,
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

/// What helps against a conflict depends on who named the version.
fn way_out(attempts: u32, asked: bool) -> String {
    if asked {
        ", which was asked for: load it again and decide whether the command still fits".to_owned()
    } else {
        format!(
            ", after {attempts} attempts: others keep writing to it; try again later, or raise \
             `retry_conflicts_for`"
        )
    }
}

impl<E: std::error::Error + 'static> ExecuteError<E> {
    /// What kind of error it is.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Domain(_) => ErrorKind::Refused,
            Self::Conflict { .. } => ErrorKind::Conflict,
            Self::OutcomeUnknown { .. } => ErrorKind::OutcomeUnknown,
            Self::Store(error) => error.kind(),
            Self::Load(error) => error.kind(),
            Self::Register(error) => error.kind(),
            Self::Schema(error) => error.kind(),
            Self::Encode(_) => ErrorKind::Fault,
            Self::InvalidId(_) | Self::InvalidKey(_) => ErrorKind::Invalid,
        }
    }

    /// The domain's own refusal.
    ///
    /// # Errors
    /// The error itself, if it is no refusal.
    pub fn into_domain(self) -> Result<E, Self> {
        match self {
            Self::Domain(refusal) => Ok(refusal),
            other => Err(other),
        }
    }
}
