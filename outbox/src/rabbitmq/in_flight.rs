//! Messages that were given to the client and are not confirmed.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

/// What becomes of many futures, of which only those are looked at that have something to say.
///
/// [`poll`](Self::poll) has a property that ready-made collections do not promise, and [`Confirms`] needs: it
/// returns only when nobody has anything to say any more, so that of two futures of which one was ready
/// before the other, it never brings the later one alone.
///
/// [`Confirms`]: super::confirms::Confirms
pub(super) struct InFlight<T> {
    futures: HashMap<u64, Pin<Box<dyn Future<Output = T> + Send>>>,
    bells: Arc<Bells>,
}

/// Whose futures have something to say, in the order in which they said so.
#[derive(Default)]
struct Bells(Mutex<Rung>);

#[derive(Default)]
struct Rung {
    numbers: Vec<u64>,
    listening: Option<Waker>,
}

struct Bell {
    number: u64,
    bells: Arc<Bells>,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        let listening = {
            let mut rung = self.bells.rung();
            rung.numbers.push(self.number);
            rung.listening.take()
        };
        if let Some(listening) = listening {
            listening.wake();
        }
    }
}

impl Bells {
    fn rung(&self) -> MutexGuard<'_, Rung> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> InFlight<T> {
    pub(super) fn new() -> Self {
        Self { futures: HashMap::new(), bells: Arc::default() }
    }

    /// Adds a future under a number of its own. Futures begin in the order in which they were added.
    pub(super) fn add(&mut self, number: u64, future: impl Future<Output = T> + Send + 'static) {
        self.futures.insert(number, Box::pin(future));
        self.bells.rung().numbers.push(number);
    }

    /// Everything that is ready. Who calls it is woken when there is more.
    pub(super) fn poll(&mut self, context: &mut Context<'_>) -> Vec<(u64, T)> {
        let mut ready = Vec::new();
        loop {
            let numbers = {
                let mut rung = self.bells.rung();
                if rung.numbers.is_empty() {
                    rung.listening = Some(context.waker().clone());
                    return ready;
                }
                std::mem::take(&mut rung.numbers)
            };
            for number in numbers {
                let Some(future) = self.futures.get_mut(&number) else { continue };
                let bell = Waker::from(Arc::new(Bell { number, bells: self.bells.clone() }));
                if let Poll::Ready(value) = future.as_mut().poll(&mut Context::from_waker(&bell)) {
                    self.futures.remove(&number);
                    ready.push((number, value));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use tokio::sync::oneshot;

    use super::*;

    async fn ready<T>(in_flight: &mut InFlight<T>) -> Vec<(u64, T)> {
        poll_fn(|context| match in_flight.poll(context) {
            ready if ready.is_empty() => Poll::Pending,
            ready => Poll::Ready(ready),
        })
        .await
    }

    #[tokio::test]
    async fn what_was_ready_before_is_not_left_behind() {
        let mut in_flight = InFlight::new();
        let (mut senders, mut receivers) = (Vec::new(), Vec::new());
        for _ in 0..100 {
            let (sender, receiver) = oneshot::channel();
            senders.push(Some(sender));
            receivers.push(receiver);
        }
        for (number, receiver) in (0..).zip(receivers) {
            in_flight.add(number, receiver);
        }
        let is_ready = poll_fn(|context| Poll::Ready(in_flight.poll(context))).await;
        assert!(is_ready.is_empty());
        let telling = tokio::task::spawn_blocking(move || {
            for sender in senders.iter_mut().rev() {
                let sender = sender.take().expect("each is used once");
                sender.send(()).expect("it is waited for");
            }
        });
        let mut seen = Vec::new();
        while !in_flight.futures.is_empty() {
            seen.extend(ready(&mut in_flight).await.into_iter().map(|(number, _)| number));
            // The later ones came first: whatever is seen, all behind it are seen too.
            let first = *seen.iter().min().expect("something was ready");
            assert_eq!(seen.len(), 100 - first as usize, "{seen:?}");
        }
        telling.await.expect("it does not panic");
    }

    #[tokio::test]
    async fn who_waits_is_woken() {
        let mut in_flight = InFlight::new();
        let (sender, receiver) = oneshot::channel();
        in_flight.add(7, receiver);
        let waiting = tokio::spawn(async move { ready(&mut in_flight).await });
        sender.send("word").expect("it is waited for");
        assert_eq!(waiting.await.expect("it does not panic"), [(7, Ok("word"))]);
    }
}
