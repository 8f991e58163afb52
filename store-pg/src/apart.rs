//! Work on a task of its own, which goes on while its caller does not poll it.

use annals_core::store::StoreError;
use tokio::task::JoinHandle;
use tracing::Instrument;

use crate::error::lost_inside;

/// Work that has the log locked between its statements goes on while its caller does not poll it, and
/// is broken off when the caller goes away.
pub(crate) async fn apart<T: Send + 'static>(
    work: impl Future<Output = Result<T, StoreError>> + Send + 'static,
) -> Result<T, StoreError> {
    let mut task = Apart(tokio::spawn(work.in_current_span()));
    match (&mut task.0).await {
        Ok(result) => result,
        Err(ended) => match ended.try_into_panic() {
            Ok(panic) => {
                let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
                let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
                Err(StoreError::refused(format!("it panicked: {}", text.unwrap_or_default())))
            }
            Err(_) => Err(lost_inside("the transaction")),
        },
    }
}

/// A task that ends with whoever waits for it.
struct Apart<T>(JoinHandle<T>);

impl<T> Drop for Apart<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}
