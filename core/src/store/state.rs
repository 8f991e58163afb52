//! Texts that components keep under a key.

use async_trait::async_trait;

use super::StoreError;

/// Texts that components keep under a key, such as which generation of a read model serves.
#[async_trait]
pub trait StateStore: Send + Sync {
    /// The text that [`put_state`](super::TransactionState::put_state) left under this key.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read.
    async fn state(&self, key: &str) -> Result<Option<String>, StoreError>;
}
