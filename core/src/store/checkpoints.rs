//! How far a consumer has got.

use async_trait::async_trait;

use super::StoreError;
use crate::names::Position;

/// Named checkpoints.
///
/// # Contract
/// - A checkpoint is the contiguous prefix of the log that its owner has dealt with.
/// - [`checkpoint`](Self::checkpoint) sees what the last committed write left, from any process.
/// - Writing happens inside a [`Transaction`](super::Transaction), together with the effects.
#[async_trait]
pub trait CheckpointStore: Send + Sync {
    /// The checkpoint with this name, or `None` if it was never written.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read.
    async fn checkpoint(&self, name: &str) -> Result<Option<Position>, StoreError>;
}
