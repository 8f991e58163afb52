//! Spans and figures of what the journal does with a store.

use std::future::Future;
use std::time::Instant;

use tracing::field::Empty;
use tracing::{Instrument, Span};

use super::fold::LoadError;
use crate::error_kind::ErrorKind;
use crate::names::{StreamId, StreamVersion};
use crate::store::{Append, Appended, StoreError};

/// The span of an append.
pub(super) fn appending(append: &Append) -> Span {
    tracing::info_span!(
        "annals.append",
        stream = append.streams.first().map(|first| display(&first.stream)),
        streams = append.streams.len(),
        events = append.event_count(),
        position = Empty,
        outcome = Empty,
    )
}

/// Appends in its span, and measures it from the call to the answer.
pub(super) async fn append(
    span: Span,
    work: impl Future<Output = Result<Appended, StoreError>>,
) -> Result<Appended, StoreError> {
    let begun = Instant::now();
    let result = work.instrument(span.clone()).await;
    let outcome = outcome(result.as_ref().map_err(StoreError::kind));
    if let Ok(appended) = &result {
        span.record("position", appended.position.get());
    }
    span.record("outcome", outcome);
    metrics::histogram!("annals_append_seconds", "outcome" => outcome)
        .record(begun.elapsed().as_secs_f64());
    result
}

/// A load in a span of its own. `version` says where the state stands after it.
pub(super) async fn load<T>(
    stream: &StreamId,
    work: impl Future<Output = Result<T, LoadError>>,
    version: impl FnOnce(&T) -> StreamVersion,
) -> Result<T, LoadError> {
    let span = tracing::info_span!("annals.load", %stream, version = Empty);
    let result = work.instrument(span.clone()).await;
    if let Ok(loaded) = &result {
        span.record("version", version(loaded).get());
    }
    result
}

/// The span of a decision on a state at a version.
pub(super) fn decide(stream: &StreamId, version: StreamVersion) -> Span {
    tracing::debug_span!("annals.decide", %stream, version = version.get(), events = Empty)
}

/// What came of it, in a word.
pub(super) fn outcome<T>(result: Result<T, ErrorKind>) -> &'static str {
    match result {
        Ok(_) => "ok",
        Err(ErrorKind::Refused) => "refused",
        Err(ErrorKind::Conflict) => "conflict",
        Err(ErrorKind::OutcomeUnknown) => "unknown",
        Err(_) => "error",
    }
}
