//! Snapshots of states: read before folding, written beside the work.

use std::any::TypeId;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::runtime::Handle;
use tokio::sync::Semaphore;

use super::Journal;
use super::fold::{Folded, LoadError};
use crate::aggregate::{Aggregate, Apply, SnapshotPolicy};
use crate::names::{StreamId, StreamVersion};
use crate::store::SnapshotRecord;

/// How many snapshots a journal writes at once at the most. One that finds no room is written with a
/// later command.
const MAX_SAVES: usize = 16;

/// What a journal knows of its snapshots.
pub(super) struct Snapshots {
    saves: Arc<Semaphore>,
    /// Which types claim a category and a name; the first has it.
    names: Mutex<HashMap<(&'static str, &'static str), Vec<TypeId>>>,
}

impl Default for Snapshots {
    fn default() -> Self {
        Self { saves: Arc::new(Semaphore::new(MAX_SAVES)), names: Mutex::default() }
    }
}

impl Snapshots {
    /// How the state is kept, if it is, and if no other type of state keeps its own in that place.
    fn policy<A: Aggregate>(&self) -> Option<SnapshotPolicy<A>> {
        let policy = A::snapshots()?;
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        let claims = names.entry((A::CATEGORY, policy.name)).or_default();
        let this = TypeId::of::<A>();
        if !claims.contains(&this) {
            claims.push(this);
            if claims[0] != this {
                tracing::error!(
                    category = A::CATEGORY,
                    name = policy.name,
                    "two states of one category keep snapshots under one name, so the second keeps \
                     none: name it with `#[aggregate(snapshot(name = \"…\"))]`"
                );
            }
        }
        (claims[0] == this).then_some(policy)
    }
}

/// The version of the newest snapshot that is kept, or on its way into the store.
#[derive(Debug, Clone, Default)]
pub(super) struct Kept(Arc<AtomicU64>);

impl Kept {
    fn at(version: StreamVersion) -> Self {
        Self(Arc::new(AtomicU64::new(version.get())))
    }
}

impl Journal {
    /// The state from the stream's snapshot, if there is one that fits.
    pub(super) async fn restore<A: Apply>(
        &self,
        stream: &StreamId,
    ) -> Result<Option<Folded<A>>, LoadError> {
        let Some(policy) = self.inner.snapshots.policy::<A>() else { return Ok(None) };
        let found = self.log().snapshot(stream, policy.name).await?;
        let Some(snapshot) = found.filter(|found| found.shape == policy.shape()) else {
            return Ok(None);
        };
        match (policy.decode)(&snapshot.state) {
            Ok(state) => Ok(Some(Folded {
                state,
                version: snapshot.version,
                position: snapshot.position,
                kept: Kept::at(snapshot.version),
            })),
            Err(error) => {
                tracing::warn!(%stream, %error, "a snapshot does not fit the state, folding from the start");
                Ok(None)
            }
        }
    }

    /// Keeps the state if its policy says that it is time. It is written on a task of its own, so
    /// that nobody waits for it. A failure costs time later, no data.
    pub(super) fn keep_snapshot<A: Apply>(&self, stream: &StreamId, folded: &Folded<A>) {
        let Some(policy) = A::snapshots() else { return };
        let kept = folded.kept.0.load(Ordering::Relaxed);
        if folded.version.get().saturating_sub(kept) < policy.every {
            return;
        }
        let Some(policy) = self.inner.snapshots.policy::<A>() else { return };
        let Ok(turn) = self.inner.snapshots.saves.clone().try_acquire_owned() else { return };
        let Ok(runtime) = Handle::try_current() else { return };
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
            shape: policy.shape(),
            state,
        };
        let (store, stream, mark) = (self.log().clone(), stream.clone(), folded.kept.0.clone());
        let version = folded.version.get();
        mark.store(version, Ordering::Relaxed);
        runtime.spawn(async move {
            let _turn = turn;
            if let Err(error) = store.save_snapshot(&stream, policy.name, &record).await {
                tracing::warn!(%stream, %error, "the snapshot was not saved");
                // The next command tries again, unless a newer one is on its way.
                let _ = mark.compare_exchange(version, kept, Ordering::Relaxed, Ordering::Relaxed);
            }
        });
    }
}
