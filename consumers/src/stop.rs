//! Being told to stop: everything of a process at once, or one thing by itself.

use std::future::pending;
use std::time::Duration;

use tokio::sync::watch;

/// The end that tells. When it is dropped, everything that listens stops.
#[derive(Debug)]
pub struct StopSource(watch::Sender<bool>);

/// The end that listens.
#[derive(Debug, Clone)]
pub struct Stop {
    all: watch::Receiver<bool>,
    /// Of one thing by itself: says stop only by saying it, never by being dropped.
    own: Option<watch::Receiver<bool>>,
}

impl Default for StopSource {
    fn default() -> Self {
        Self(watch::Sender::new(false))
    }
}

impl StopSource {
    /// Tells everybody who listens.
    pub fn stop(&self) {
        self.0.send_replace(true);
    }

    /// An end that listens.
    pub fn listen(&self) -> Stop {
        Stop { all: self.0.subscribe(), own: None }
    }
}

impl Stop {
    /// Also stops when `own` says so.
    #[must_use]
    pub fn or(&self, own: watch::Receiver<bool>) -> Self {
        Self { all: self.all.clone(), own: Some(own) }
    }

    /// Whether it is time to stop.
    pub fn is_set(&self) -> bool {
        // The only error is that nobody is left who could tell.
        *self.all.borrow()
            || self.all.has_changed().is_err()
            || self.own.as_ref().is_some_and(|own| *own.borrow())
    }

    /// Waits until it is time to stop. Cancel safe.
    pub async fn wait(&self) {
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
            biased;
            _ = all.wait_for(|stop| *stop) => {}
            () = own => {}
        }
    }

    /// Lets time pass; `true` when it is time to stop.
    pub async fn within(&self, pause: Duration) -> bool {
        tokio::time::timeout(pause, self.wait()).await.is_ok()
    }
}
