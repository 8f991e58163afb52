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
    /// The version of the state's own shape.
    pub schema_version: u32,
    /// The state.
    pub state: Payload,
}

/// One snapshot a stream.
///
/// # Contract
/// - A snapshot is a cache: losing it costs time only, and a store may drop it.
/// - Writing one never lowers the version of the one that stands, unless the schema version
///   differs.
#[async_trait]
pub trait SnapshotStore: Send + Sync {
    /// The stream's snapshot, or `None`.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read.
    async fn snapshot(&self, stream: &StreamId) -> Result<Option<SnapshotRecord>, StoreError>;

    /// Writes the stream's snapshot.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be written.
    async fn save_snapshot(
        &self,
        stream: &StreamId,
        snapshot: &SnapshotRecord,
    ) -> Result<(), StoreError>;
}
