//! From a stream to a state.

use std::ops::ControlFlow;

use tokio::sync::oneshot;

use super::snapshots::Kept;
use super::{Journal, observe};
use crate::aggregate::{Aggregate, Apply};
use crate::envelope::RecordedEvent;
use crate::error_kind::ErrorKind;
use crate::event::{DecodeError, Event, UnknownEvents};
use crate::names::{InvalidName, Position, StreamId, StreamVersion};
use crate::store::{PayloadVisitor, StoreError, StoredPayload, StreamQuery};

/// A state that could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The id cannot be part of a stream's name.
    #[error(transparent)]
    InvalidId(#[from] InvalidName),
    /// An event cannot be read.
    #[error("stream `{stream}`, version {version}: {source}")]
    Decode {
        /// The stream.
        stream: StreamId,
        /// The event's version in it.
        version: StreamVersion,
        /// What is wrong.
        source: DecodeError,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl LoadError {
    /// What kind of error it is.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::InvalidId(_) => ErrorKind::Invalid,
            Self::Decode { .. } => ErrorKind::Fault,
            Self::Store(error) => error.kind(),
        }
    }
}

/// A state and where it stands.
pub(super) struct Folded<A> {
    pub(super) state: A,
    pub(super) version: StreamVersion,
    pub(super) position: Position,
    pub(super) kept: Kept,
}

impl<A: Aggregate> Default for Folded<A> {
    fn default() -> Self {
        Self {
            state: A::default(),
            version: StreamVersion::NONE,
            position: Position::START,
            kept: Kept::default(),
        }
    }
}

impl<A: Apply> Folded<A> {
    /// Folds in one stored event.
    pub(super) fn apply(&mut self, event: &RecordedEvent) -> Result<(), LoadError> {
        self.apply_payload(&event.stream, event.into(), |state| state.apply_unknown(event))?;
        self.position = event.position;
        Ok(())
    }

    /// Folds in one stored event. What is unknown is handed over by `raw`, if the state wants it.
    fn apply_payload(
        &mut self,
        stream: &StreamId,
        event: StoredPayload<'_>,
        raw: impl FnOnce(&mut A),
    ) -> Result<(), LoadError> {
        let StoredPayload { version, event_type, schema_version, payload } = event;
        if A::UNKNOWN != UnknownEvents::Error && !A::Event::knows(event_type) {
            if A::UNKNOWN == UnknownEvents::Raw {
                raw(&mut self.state);
            }
        } else {
            let decoded = A::Event::decode(event_type, schema_version, payload)
                .map_err(|source| LoadError::Decode { stream: stream.clone(), version, source })?;
            self.state.apply(&decoded);
        }
        self.version = version;
        Ok(())
    }
}

/// A state on its way through a store, which may fold it on a thread of its own. It is owned, not
/// shared, so that folding an event takes no lock.
struct FoldVisitor<A: Apply> {
    outcome: Option<Outcome<A>>,
    reply: Option<oneshot::Sender<Outcome<A>>>,
}

/// The state, and what went wrong with the last event.
type Outcome<A> = (Folded<A>, Result<(), LoadError>);

impl<A: Apply> FoldVisitor<A> {
    fn visit(&mut self, stream: &StreamId, event: StoredPayload<'_>) -> ControlFlow<()> {
        let Some((folded, result)) = &mut self.outcome else { return ControlFlow::Break(()) };
        *result = folded.apply_payload(stream, event, |_| ());
        if result.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    }
}

impl<A: Apply> Drop for FoldVisitor<A> {
    fn drop(&mut self) {
        if let (Some(outcome), Some(reply)) = (self.outcome.take(), self.reply.take()) {
            // Nobody waits any more when the caller dropped its future.
            let _ = reply.send(outcome);
        }
    }
}

impl Journal {
    /// Folds a state from the newest fitting snapshot and what follows it.
    pub(super) async fn fold<A: Apply>(&self, stream: &StreamId) -> Result<Folded<A>, LoadError> {
        let load = async {
            let mut folded = self.restore(stream).await?.unwrap_or_default();
            self.read_on(stream, &mut folded, StreamVersion::MAX).await?;
            Ok(folded)
        };
        observe::load(stream, load, |folded: &Folded<A>| folded.version).await
    }

    /// Folds in what the stream holds beyond the state, up to and including version `up_to`.
    pub(super) async fn catch_up<A: Apply>(
        &self,
        stream: &StreamId,
        folded: &mut Folded<A>,
        up_to: Option<StreamVersion>,
    ) -> Result<(), LoadError> {
        let load = async {
            self.read_on(stream, folded, up_to.unwrap_or(StreamVersion::MAX)).await?;
            Ok(folded.version)
        };
        observe::load(stream, load, |version| *version).await.map(|_| ())
    }

    async fn read_on<A: Apply>(
        &self,
        stream: &StreamId,
        folded: &mut Folded<A>,
        up_to: StreamVersion,
    ) -> Result<(), LoadError> {
        if A::UNKNOWN == UnknownEvents::Raw {
            return self.read_on_raw(stream, folded, up_to).await;
        }
        let after = folded.version;
        let (reply, outcome) = oneshot::channel();
        let state = std::mem::take(folded);
        let mut fold = FoldVisitor { outcome: Some((state, Ok(()))), reply: Some(reply) };
        let name = stream.clone();
        let visitor: PayloadVisitor = Box::new(move |event| fold.visit(&name, event));
        let read = self.log().visit_stream(stream, after, up_to, visitor).await;
        // The store is through with the visitor, which replies when it is dropped.
        if let Ok((state, result)) = outcome.await {
            *folded = state;
            result?;
        }
        folded.position = folded.position.max(read?);
        Ok(())
    }

    /// As [`read_on`](Self::read_on), for states that take unknown events with their envelopes.
    async fn read_on_raw<A: Apply>(
        &self,
        stream: &StreamId,
        folded: &mut Folded<A>,
        up_to: StreamVersion,
    ) -> Result<(), LoadError> {
        loop {
            let query = StreamQuery::all(stream.clone()).after(folded.version).up_to(up_to);
            let page = self.log().read_stream(&query).await?;
            for event in &page {
                folded.apply(event)?;
            }
            if query.ends_with(&page) {
                return Ok(());
            }
        }
    }
}
