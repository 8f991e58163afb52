//! From a stream to a state.

use super::Journal;
use crate::aggregate::{Aggregate, Apply};
use crate::envelope::RecordedEvent;
use crate::event::{DecodeError, Event, UnknownEvents};
use crate::names::{InvalidName, Position, StreamId, StreamVersion};
use crate::started::Started;
use crate::store::{SnapshotRecord, StoreError, StreamQuery};

/// How many events are read at a time while folding: enough to make the way to the store cheap,
/// few enough to keep memory small and to fold one page while the next is read.
const FOLD_PAGE: usize = 1_000;

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

/// A state and where it stands.
pub(super) struct Folded<A> {
    pub(super) state: A,
    pub(super) version: StreamVersion,
    pub(super) position: Position,
    /// The version of the newest snapshot known.
    pub(super) snapshot: StreamVersion,
}

impl<A: Aggregate> Default for Folded<A> {
    fn default() -> Self {
        Self {
            state: A::default(),
            version: StreamVersion::NONE,
            position: Position::START,
            snapshot: StreamVersion::NONE,
        }
    }
}

impl<A: Apply> Folded<A> {
    /// Folds in one stored event.
    pub(super) fn apply(&mut self, event: &RecordedEvent) -> Result<(), LoadError> {
        let event_type = event.event_type.as_str();
        if A::UNKNOWN != UnknownEvents::Error && !A::Event::knows(event_type) {
            if A::UNKNOWN == UnknownEvents::Raw {
                self.state.apply_unknown(event);
            }
        } else {
            let decoded = A::Event::decode(event_type, event.schema_version, &event.payload)
                .map_err(|source| LoadError::Decode {
                    stream: event.stream.clone(),
                    version: event.version,
                    source,
                })?;
            self.state.apply(&decoded);
        }
        self.version = event.version;
        self.position = event.position;
        Ok(())
    }
}

impl Journal {
    /// Folds a state from the newest fitting snapshot and what follows it.
    pub(super) async fn fold<A: Apply>(&self, stream: &StreamId) -> Result<Folded<A>, LoadError> {
        let mut folded = self.restore(stream).await?.unwrap_or_default();
        self.catch_up(stream, &mut folded, None).await?;
        Ok(folded)
    }

    /// Folds in what the stream holds beyond the state, up to and including version `up_to`. While
    /// one page is folded, the next is being read.
    pub(super) async fn catch_up<A: Apply>(
        &self,
        stream: &StreamId,
        folded: &mut Folded<A>,
        up_to: Option<StreamVersion>,
    ) -> Result<(), LoadError> {
        let mut query = StreamQuery::all(stream.clone()).after(folded.version).limit(FOLD_PAGE);
        if let Some(up_to) = up_to {
            query = query.up_to(up_to);
        }
        let mut page = self.store().read_stream(&query).await?;
        loop {
            let next = match page.last() {
                Some(last) if page.len() >= FOLD_PAGE => {
                    let (store, query) = (self.store().clone(), query.clone().after(last.version));
                    Some(Started::new(async move { store.read_stream(&query).await }).await)
                }
                _ => None,
            };
            for event in &page {
                folded.apply(event)?;
            }
            let Some(next) = next else { return Ok(()) };
            page = next.finish().await?;
        }
    }

    /// The state from the stream's snapshot, if there is one that fits.
    async fn restore<A: Apply>(&self, stream: &StreamId) -> Result<Option<Folded<A>>, LoadError> {
        let Some(policy) = A::snapshots() else { return Ok(None) };
        let Some(snapshot) = self.store().snapshot(stream).await? else { return Ok(None) };
        if snapshot.schema_version != policy.version {
            return Ok(None);
        }
        match (policy.decode)(&snapshot.state) {
            Ok(state) => Ok(Some(Folded {
                state,
                version: snapshot.version,
                position: snapshot.position,
                snapshot: snapshot.version,
            })),
            Err(error) => {
                tracing::warn!(%stream, %error, "a snapshot does not fit the state, folding from the start");
                Ok(None)
            }
        }
    }

    /// Keeps the state if its policy says that it is time. A failure costs time later, no data.
    pub(super) async fn keep_snapshot<A: Apply>(&self, stream: &StreamId, folded: &mut Folded<A>) {
        let Some(policy) = A::snapshots() else { return };
        if folded.version.get() - folded.snapshot.get() < policy.every {
            return;
        }
        let state = match (policy.encode)(&folded.state) {
            Ok(state) => state,
            Err(error) => {
                tracing::warn!(%stream, %error, "the state cannot be written as a snapshot");
                return;
            }
        };
        let record = SnapshotRecord {
            version: folded.version,
            position: folded.position,
            schema_version: policy.version,
            state,
        };
        match self.store().save_snapshot(stream, &record).await {
            Ok(()) => folded.snapshot = folded.version,
            Err(error) => tracing::warn!(%stream, %error, "the snapshot was not saved"),
        }
    }
}
