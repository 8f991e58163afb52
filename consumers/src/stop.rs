//! Being told to stop: everything of a process at once, or one thing by itself.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::signal::Signal;

/// The end that tells. When it is dropped, everything that listens stops.
#[derive(Debug, Default)]
pub struct StopSource(Arc<Signal>);

/// The end that listens.
#[derive(Debug, Clone)]
pub struct Stop {
    all: Arc<Signal>,
    /// Of one thing by itself: says stop only by saying it, never by being dropped.
    own: Option<watch::Receiver<bool>>,
}

impl StopSource {
    /// Tells everybody who listens.
    pub fn stop(&self) {
        self.0.send();
    }

    /// An end that listens.
    pub fn listen(&self) -> Stop {
        Stop { all: self.0.clone(), own: None }
    }
}

impl Drop for StopSource {
    fn drop(&mut self) {
        self.stop();
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
        self.all.times() > 0 || self.own.as_ref().is_some_and(|own| *own.borrow())
    }

    /// Waits until it is time to stop. Cancel safe.
    pub async fn wait(&self) {
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
            () = self.all.beyond(0) => {}
            () = own => {}
        }
    }

    /// Lets time pass; `true` when it is time to stop.
    pub async fn within(&self, pause: Duration) -> bool {
        tokio::time::timeout(pause, self.wait()).await.is_ok()
    }
}
