//! Texts that components keep under a key, and the time.

use async_trait::async_trait;
use jiff::Timestamp;

use super::StoreError;

/// Texts that components keep under a key, such as which generation of a read model serves.
#[async_trait]
pub trait StateStore: Send + Sync {
    /// The text that [`put_state`](super::TransactionState::put_state) left under this key.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read.
    async fn state(&self, key: &str) -> Result<Option<String>, StoreError>;

    /// The time now by the store's clock, as [`now`](super::TransactionState::now) says it in a
    /// transaction; asking for it is a read, and waits for nobody who writes.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read.
    async fn now(&self) -> Result<Timestamp, StoreError>;
}
