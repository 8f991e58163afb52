//! How many calls begin in a time.

mod bucket;

#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use self::bucket::Bucket;
use crate::guarded::layer;
use crate::{Refusal, Refused, ResilienceError};

/// How many calls begin in any period: `calls` of them at once, and then each when a token is back, a period
/// after it was taken. In no window as long as a period do more begin. Clones share their tokens.
///
/// It keeps 16 bytes for every call of the last period, so ask for 10 in 10 ms and not for 60,000 in
/// a minute.
///
/// ```
/// use std::time::Duration;
/// use annals_resilience::RateLimit;
/// use tokio::time::Instant;
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() {
/// let second = Duration::from_secs(1);
/// let limit = RateLimit::new("geocoder", 2, second);
/// let start = Instant::now();
/// for _ in 0..4 {
///     limit.run(|| async { Ok::<_, std::fmt::Error>(()) }).await.unwrap();
/// }
/// assert_eq!(start.elapsed().as_secs(), 1, "the third waits for the first one's token");
/// assert!(limit.waiting_at_most(Duration::ZERO).take().await.is_err());
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct RateLimit {
    name: Arc<str>,
    calls: u32,
    period: Duration,
    patience: Duration,
    bucket: Arc<Mutex<Bucket>>,
}

layer!(RateLimit, Guarded);

impl RateLimit {
    /// At most `calls` (at least 1) begin in any `period`. A call waits for its turn a period at the most.
    pub fn new(name: impl Into<Arc<str>>, calls: u32, period: Duration) -> Self {
        let calls = calls.max(1);
        let bucket = Arc::new(Mutex::new(Bucket::new(calls as usize, period)));
        Self { name: name.into(), calls, period, patience: period, bucket }
    }

    /// How long a call waits for its turn at the most; one that would wait longer is refused at once.
    #[must_use]
    pub fn waiting_at_most(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// Waits for its turn. Cancel safe: whoever goes leaves the turn to the next who comes.
    ///
    /// # Errors
    /// At once with [`Refusal::RateLimit`] when it would wait too long.
    pub async fn take(&self) -> Result<(), Refused> {
        let now = Instant::now();
        let taken = self.locked(|bucket| bucket.take(now, self.patience));
        let free = taken.map_err(|free_in| {
            let Self { calls, period, .. } = *self;
            Refused::new(&self.name, Refusal::RateLimit { calls, period, free_in })
        })?;
        if free > now {
            let mut turn = Turn { limit: self, free: Some(free) };
            sleep_until(free).await;
            turn.free = None;
        }
        Ok(())
    }

    /// Makes the call when it is its turn.
    ///
    /// # Errors
    /// The call's own, or [`Refusal::RateLimit`].
    pub async fn run<T, E, F, Fut>(&self, call: F) -> Result<T, ResilienceError<E>>
    where
        F: FnOnce() -> Fut,
        Fut: Future<Output = Result<T, E>>,
    {
        self.take().await?;
        call().await.map_err(ResilienceError::Failed)
    }

    fn locked<T>(&self, work: impl FnOnce(&mut Bucket) -> T) -> T {
        work(&mut self.bucket.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A turn that somebody waits for, given back when they do not any more.
struct Turn<'a> {
    limit: &'a RateLimit,
    free: Option<Instant>,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        if let Some(free) = self.free {
            self.limit.locked(|bucket| bucket.give_back(free));
        }
    }
}
