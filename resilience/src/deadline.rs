//! How long the whole call may take.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, timeout};

use crate::guarded::layer;
use crate::{Refusal, Refused, ResilienceError};

/// How long the whole call may take, with all that stands inside: waiting for a place, attempts, pauses.
/// What is late is broken off by dropping its future; the other side may still do it.
///
/// ```
/// use std::time::Duration;
/// use annals_resilience::Deadline;
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() {
/// let deadline = Deadline::new("payments", Duration::from_secs(5));
/// let paid = deadline.run(|| async { Ok::<_, std::io::Error>("paid") }).await;
/// assert_eq!(paid.unwrap(), "paid");
///
/// let hangs = deadline.run(std::future::pending::<std::io::Result<()>>).await;
/// assert!(hangs.unwrap_err().to_string().contains("within its deadline of 5s"));
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Deadline {
    name: Arc<str>,
    limit: Duration,
}

layer!(Deadline, Guarded);

impl Deadline {
    /// Calls may take `limit`.
    pub fn new(name: impl Into<Arc<str>>, limit: Duration) -> Self {
        Self { name: name.into(), limit }
    }

    /// When a call that begins now has to have ended; `None` is never.
    pub(crate) fn end(&self) -> Option<Instant> {
        Instant::now().checked_add(self.limit)
    }

    /// Makes the call, and breaks it off when its time is over.
    ///
    /// # Errors
    /// The call's own, or [`Refusal::Deadline`].
    pub async fn run<T, E, F, Fut>(&self, call: F) -> Result<T, ResilienceError<E>>
    where
        F: FnOnce() -> Fut,
        Fut: Future<Output = Result<T, E>>,
    {
        let limit = self.limit;
        match timeout(limit, call()).await {
            Ok(result) => result.map_err(ResilienceError::Failed),
            Err(_) => Err(Refused::new(&self.name, Refusal::Deadline { limit }).into()),
        }
    }
}
