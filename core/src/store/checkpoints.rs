//! How far a consumer has got, and who may move it on.

use async_trait::async_trait;

use super::StoreError;
use crate::names::Position;

/// Named checkpoints.
///
/// # Contract
/// - A checkpoint is the contiguous prefix of the log that its owner has dealt with.
/// - [`checkpoint`](Self::checkpoint) sees what the last committed write left, from any process.
/// - Writing happens inside a [`Transaction`](super::Transaction), together with the effects.
/// - Every checkpoint has a fencing token, which begins at 0 and only grows. Whoever
///   [takes it over](super::TransactionCheckpoints::fence_checkpoint) gets a larger one, and from
///   then on whoever advances it with an older one is refused, however long ago that one froze.
#[async_trait]
pub trait CheckpointStore: Send + Sync {
    /// The checkpoint with this name, or `None` if it was never written.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read.
    async fn checkpoint(&self, name: &str) -> Result<Option<Position>, StoreError>;
}

/// The right to move a checkpoint on, as long as nobody else has taken it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fence {
    /// The token that was given out.
    pub token: u64,
    /// Where the checkpoint stood then.
    pub position: Position,
}

/// One step of a checkpoint: fence, compare-and-set and cursor in one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Advance {
    /// The checkpoint.
    pub name: String,
    /// The token of whoever moves it.
    pub token: u64,
    /// Where it must stand.
    pub from: Position,
    /// Where it goes. As `from`, it only proves that nobody else has moved or taken it.
    pub to: Position,
}

impl Advance {
    /// The refusal, in the words of every store.
    pub fn refused(&self) -> StoreError {
        StoreError::Fenced { name: self.name.clone(), token: self.token, from: self.from }
    }
}
