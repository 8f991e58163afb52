//! A read that goes on while its owner does other work.

use std::future::Future;

use tokio::task::JoinHandle;

use crate::store::StoreError;

/// A read on a task of its own. A future that is only polled now and then would not do: it may be
/// given its turn at a lock and never use it, while its owner waits for the same lock.
pub struct SpawnedRead<T>(JoinHandle<Result<T, StoreError>>);

impl<T: Send + 'static> SpawnedRead<T> {
    /// Starts a read, and lets it begin also where the runtime has one thread.
    pub async fn new(read: impl Future<Output = Result<T, StoreError>> + Send + 'static) -> Self {
        let task = tokio::spawn(read);
        tokio::task::yield_now().await;
        Self(task)
    }

    /// Waits for its end.
    pub async fn finish(self) -> Result<T, StoreError> {
        // The task ends early only with its runtime.
        self.0.await.map_err(|_| StoreError::Closed)?
    }
}
