//! How long one attempt may take.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

use crate::guarded::layer;
use crate::{Refusal, Refused, ResilienceError};

/// How long one attempt may take: it stands inside the breaker, which counts what is late as a failure,
/// and inside the retry, which tries again if the call is idempotent.
///
/// ```
/// use std::time::Duration;
/// use annals_resilience::AttemptTimeout;
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() {
/// let limit = AttemptTimeout::new("payments", Duration::from_secs(1));
/// let hangs = limit.run(std::future::pending::<std::io::Result<()>>).await;
/// assert!(!hangs.unwrap_err().refused().unwrap().nothing_done());
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct AttemptTimeout {
    name: Arc<str>,
    limit: Duration,
}

layer!(AttemptTimeout, Guarded);

impl AttemptTimeout {
    /// Attempts may take `limit`.
    pub fn new(name: impl Into<Arc<str>>, limit: Duration) -> Self {
        Self { name: name.into(), limit }
    }

    /// Makes the attempt, and breaks it off when its time is over.
    ///
    /// # Errors
    /// The call's own, or [`Refusal::AttemptTimeout`].
    pub async fn run<T, E, F, Fut>(&self, call: F) -> Result<T, ResilienceError<E>>
    where
        F: FnOnce() -> Fut,
        Fut: Future<Output = Result<T, E>>,
    {
        let limit = self.limit;
        match timeout(limit, call()).await {
            Ok(result) => result.map_err(ResilienceError::Failed),
            Err(_) => Err(Refused::new(&self.name, Refusal::AttemptTimeout { limit }).into()),
        }
    }
}
