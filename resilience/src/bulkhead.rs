//! How many calls are under way at once, and how many may wait for that.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::guarded::layer;
use crate::{Refusal, Refused, ResilienceError};

/// How many calls are under way at once, and how many may wait, first come, first served: one slow
/// neighbour does not take all connections and memory. Clones share their places.
///
/// Its state are two of tokio's semaphores: places inside, and places inside or in the queue. A call that is
/// dropped, wherever it is, gives back what it has.
///
/// ```
/// use annals_resilience::Bulkhead;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let bulkhead = Bulkhead::new("reports", 1, 0);
/// let inner = bulkhead.clone();
/// let result = bulkhead
///     .run(|| async move { Ok::<_, std::fmt::Error>(inner.enter().await.is_err()) })
///     .await;
/// assert!(result.unwrap(), "there is no second place, and no queue");
/// assert!(bulkhead.enter().await.is_ok(), "the place is free again");
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Bulkhead {
    name: Arc<str>,
    running: usize,
    waiting: usize,
    inside: Arc<Semaphore>,
    /// Places inside and in the queue.
    places: Arc<Semaphore>,
}

/// A call's place inside a [`Bulkhead`]: free again when it is dropped.
#[derive(Debug)]
pub struct Place {
    _inside: OwnedSemaphorePermit,
    _place: OwnedSemaphorePermit,
}

layer!(Bulkhead, Guarded);

impl Bulkhead {
    /// At most `running` calls at once (at least 1), and `waiting` in a queue; more are refused.
    pub fn new(name: impl Into<Arc<str>>, running: usize, waiting: usize) -> Self {
        let running = running.clamp(1, Semaphore::MAX_PERMITS / 2);
        let waiting = waiting.min(Semaphore::MAX_PERMITS / 2);
        let (inside, places) = (Semaphore::new(running), Semaphore::new(running + waiting));
        let (inside, places) = (Arc::new(inside), Arc::new(places));
        Self { name: name.into(), running, waiting, inside, places }
    }

    /// Waits for a place. Cancel safe.
    ///
    /// # Errors
    /// At once with [`Refusal::Bulkhead`] when the queue is full too.
    pub async fn enter(&self) -> Result<Place, Refused> {
        let Self { running, waiting, .. } = *self;
        let full = |_| Refused::new(&self.name, Refusal::Bulkhead { running, waiting });
        let place = self.places.clone().try_acquire_owned().map_err(full)?;
        let inside = self.inside.clone().acquire_owned().await;
        let inside = inside.expect("nothing closes the semaphore");
        Ok(Place { _inside: inside, _place: place })
    }

    /// How many calls are under way, and how many wait.
    pub fn occupied(&self) -> (usize, usize) {
        let running = self.running - self.inside.available_permits();
        let all = self.running + self.waiting - self.places.available_permits();
        (running, all.saturating_sub(running))
    }

    /// Makes the call as soon as there is a place.
    ///
    /// # Errors
    /// The call's own, or [`Refusal::Bulkhead`].
    pub async fn run<T, E, F, Fut>(&self, call: F) -> Result<T, ResilienceError<E>>
    where
        F: FnOnce() -> Fut,
        Fut: Future<Output = Result<T, E>>,
    {
        let _place = self.enter().await?;
        call().await.map_err(ResilienceError::Failed)
    }
}
