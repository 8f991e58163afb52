//! Appends on their way, and what became of a try to write them.

use std::sync::Arc;

use annals_core::store::{Append, Appended, StoreError};
use annals_core::{ExpectedVersion, NewEvent, StreamVersion};
use tokio_postgres::error::SqlState;

use crate::error::{Failure, is_duplicate, is_lost};

/// An append on its way.
#[derive(Debug)]
pub(crate) struct Wanted {
    pub(crate) append: Append,
    /// How much room its events take.
    pub(crate) bytes: usize,
    /// Whether an earlier try may have written it.
    pub(crate) unknown: bool,
    /// Whether an earlier try ran into an id or a key that is stored already.
    pub(crate) repeated: bool,
}

impl Wanted {
    pub(crate) fn new(append: Append) -> Self {
        let events = append.streams.iter().flat_map(|part| &part.events);
        let bytes = events.map(NewEvent::bytes).sum();
        Self { append, bytes, unknown: false, repeated: false }
    }

    /// Whether it has to be looked up before it is written.
    pub(crate) fn needs_care(&self) -> bool {
        self.unknown || self.repeated
    }

    /// An error of a try that wrote nothing. Of what an earlier try may have written it says nothing,
    /// unless it is an answer to the append itself.
    pub(crate) fn failed(&self, error: &StoreError) -> StoreError {
        match self.unknown && !error.is_answer() {
            true => StoreError::OutcomeUnknown { source: Arc::new(error.clone()) },
            false => error.clone(),
        }
    }

    /// The result of a closer look, after which an earlier try cannot be on its way any more, or runs
    /// into what was written.
    pub(crate) fn settled(
        &self,
        result: Result<Appended, StoreError>,
    ) -> Result<Appended, StoreError> {
        match result {
            // The first try was this very append, unless a key says that it may have been another.
            Ok(appended) if self.unknown && self.append.command.is_none() => {
                Ok(Appended { repeated: false, ..appended })
            }
            // The first try may come after the one who makes it fit.
            Err(error) if self.unknown && may_fit_later(&error) => {
                Err(StoreError::OutcomeUnknown { source: Arc::new(error) })
            }
            result => result,
        }
    }
}

/// Whether a stream only has to grow until the expectation holds.
fn may_fit_later(error: &StoreError) -> bool {
    match error {
        StoreError::Conflict { expected: ExpectedVersion::Exact(version), actual, .. } => {
            actual < version
        }
        StoreError::Conflict { expected: ExpectedVersion::StreamExists, actual, .. } => {
            *actual == StreamVersion::default()
        }
        _ => false,
    }
}

/// Why a try came to nothing.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// An id or a key is stored already: look closely.
    Duplicate,
    /// Nothing was written, and the same may work now.
    Again(tokio_postgres::Error),
    /// Nobody knows.
    Lost(Failure),
    /// Nothing was written, because of something in one of the appends.
    Unfit(tokio_postgres::Error),
    /// Nothing was written, because somebody has the log locked.
    Locked,
    /// Nothing was written.
    Refused(Failure),
}

impl From<Failure> for Trouble {
    fn from(failure: Failure) -> Self {
        let error = match failure {
            Failure::Other(StoreError::OutcomeUnknown { .. }) => return Self::Lost(failure),
            Failure::Other(_) => return Self::Refused(failure),
            Failure::Server(error) => error,
        };
        let code = error.code();
        let is = |codes: &[SqlState]| code.is_some_and(|code| codes.contains(code));
        // Data that does not fit its type, and sizes that fit nowhere.
        let unfit = code.is_some_and(|code| ["22", "54"].contains(&&code.code()[..2]));
        if is_lost(&error) {
            Self::Lost(Failure::Server(error))
        } else if is_duplicate(&error) {
            Self::Duplicate
        } else if is(&[SqlState::T_R_DEADLOCK_DETECTED, SqlState::T_R_SERIALIZATION_FAILURE]) {
            Self::Again(error)
        } else if is(&[SqlState::LOCK_NOT_AVAILABLE]) {
            Self::Locked
        } else if unfit {
            Self::Unfit(error)
        } else {
            Self::Refused(Failure::Server(error))
        }
    }
}

#[cfg(test)]
mod tests {
    use annals_core::{Payload, Position, StreamId};

    use super::*;

    fn wanted(expected: ExpectedVersion) -> Wanted {
        let stream = StreamId::parse("order-1").expect("a stream name");
        let event = NewEvent::raw("order.placed", 1, Payload::from_stored("{}"));
        Wanted::new(Append::to(stream, expected, vec![event]))
    }

    fn conflict(expected: ExpectedVersion, actual: u64) -> Result<Appended, StoreError> {
        let stream = StreamId::parse("order-1").expect("a stream name");
        Err(StoreError::Conflict { stream, expected, actual: StreamVersion::new(actual) })
    }

    /// The first try may still arrive, and find that the stream has grown to where it fits.
    #[test]
    fn a_conflict_after_a_lost_reply_is_final_only_if_it_lasts() {
        let exact = ExpectedVersion::Exact(StreamVersion::new(3));
        for (expected, actual, lasts) in [
            (exact, 2, false),
            (exact, 4, true),
            (ExpectedVersion::StreamExists, 0, false),
            (ExpectedVersion::NoStream, 1, true),
        ] {
            let mut wanted = wanted(expected);
            let settled = wanted.settled(conflict(expected, actual));
            assert!(matches!(settled, Err(StoreError::Conflict { .. })), "no reply was lost");
            wanted.unknown = true;
            let error = wanted.settled(conflict(expected, actual)).expect_err("it did not fit");
            assert_eq!(error.may_have_written(), !lasts, "{expected:?} of {actual}: {error:?}");
        }
    }

    #[test]
    fn a_try_that_was_found_is_no_repetition() {
        let found = Appended {
            streams: Vec::new(),
            position: Position::new(1),
            recorded_at: jiff::Timestamp::UNIX_EPOCH,
            repeated: true,
        };
        let mut wanted = wanted(ExpectedVersion::Any);
        assert!(wanted.settled(Ok(found.clone())).expect("it is there").repeated);
        wanted.unknown = true;
        assert!(!wanted.settled(Ok(found)).expect("it is there").repeated);
    }
}
