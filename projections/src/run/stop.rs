//! Being told to stop: all projections of a process at once, or one rebuild by itself.

use std::future::pending;
use std::time::Duration;

use tokio::sync::watch;

/// The end that tells. When it is dropped, everything that listens stops.
pub(crate) struct StopSource(watch::Sender<bool>);

/// The end that listens.
#[derive(Clone)]
pub(crate) struct Stop {
    all: watch::Receiver<bool>,
    /// Of one rebuild: says stop only by saying it, never by being dropped.
    own: Option<watch::Receiver<bool>>,
}

impl StopSource {
    pub(crate) fn new() -> Self {
        Self(watch::Sender::new(false))
    }

    pub(crate) fn stop(&self) {
        self.0.send_replace(true);
    }

    pub(crate) fn listen(&self) -> Stop {
        Stop { all: self.0.subscribe(), own: None }
    }
}

impl Stop {
    /// Also stops when `own` says so.
    pub(crate) fn or(&self, own: watch::Receiver<bool>) -> Self {
        Self { all: self.all.clone(), own: Some(own) }
    }

    pub(crate) fn is_set(&self) -> bool {
        // The only error is that nobody is left who could tell.
        *self.all.borrow()
            || self.all.has_changed().is_err()
            || self.own.as_ref().is_some_and(|own| *own.borrow())
    }

    /// Waits until it is time to stop.
    pub(crate) async fn wait(&self) {
        let mut all = self.all.clone();
        let own = async {
            if let Some(mut own) = self.own.clone()
                && own.wait_for(|stop| *stop).await.is_ok()
            {
                return;
            }
            pending().await
        };
        tokio::select! {
            _ = all.wait_for(|stop| *stop) => {}
            () = own => {}
        }
    }

    /// Lets time pass; `true` when it is time to stop.
    pub(crate) async fn within(&self, pause: Duration) -> bool {
        tokio::time::timeout(pause, self.wait()).await.is_ok()
    }
}
