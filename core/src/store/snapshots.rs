//! Folded states that spare a reader the events before them.

use async_trait::async_trait;

use super::StoreError;
use crate::names::{Position, StreamId, StreamVersion};
use crate::payload::Payload;

/// A state as of one version of its stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapshotRecord {
    /// The version of the last event folded in.
    pub version: StreamVersion,
    /// The position of that event.
    pub position: Position,
    /// What it was folded with: a number that differs when the state's own version does, or the
    /// events that it declares.
    pub shape: u64,
    /// The state.
    pub state: Payload,
}

/// One snapshot for each stream and state: of one stream several types of state can be folded, and
/// each has a name of its own.
///
/// # Contract
/// - A snapshot is a cache: losing it costs time only, and a store may drop it.
/// - Writing one never lowers the version of the one that stands, unless the shape differs.
#[async_trait]
pub trait SnapshotStore: Send + Sync {
    /// The stream's snapshot of the state with this name, or `None`.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read.
    async fn snapshot(
        &self,
        stream: &StreamId,
        state: &str,
    ) -> Result<Option<SnapshotRecord>, StoreError>;

    /// Writes the stream's snapshot of the state with this name.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be written.
    async fn save_snapshot(
        &self,
        stream: &StreamId,
        state: &str,
        snapshot: &SnapshotRecord,
    ) -> Result<(), StoreError>;
}
