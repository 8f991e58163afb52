//! A future that has been started: what it waits for goes on while its owner does other work.

use std::future::Future;
use std::pin::Pin;
use std::task::Poll;

/// A future that was polled once. A task of its own would not do: on a runtime with one thread it
/// does not begin before its owner waits.
pub struct Started<T> {
    waiting: Pin<Box<dyn Future<Output = T> + Send>>,
    ready: Option<T>,
}

impl<T> Started<T> {
    /// Polls a future once.
    pub async fn new(future: impl Future<Output = T> + Send + 'static) -> Self {
        let mut waiting: Pin<Box<dyn Future<Output = T> + Send>> = Box::pin(future);
        let ready = std::future::poll_fn(|context| {
            Poll::Ready(match waiting.as_mut().poll(context) {
                Poll::Ready(output) => Some(output),
                Poll::Pending => None,
            })
        });
        let ready = ready.await;
        Self { waiting, ready }
    }

    /// Waits for its end.
    pub async fn finish(self) -> T {
        match self.ready {
            Some(output) => output,
            None => self.waiting.await,
        }
    }
}
