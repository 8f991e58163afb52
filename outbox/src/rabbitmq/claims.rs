//! Which receiver of this process has which queue.
//!
//! The broker keeps receivers apart, and it hands a queue on when a connection ends. So the one that a new
//! receiver takes over from has to hang up: in this process that is arranged here. A receiver of another
//! process hangs up when it is dropped, ends, or is silent for too long.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock, Mutex, PoisonError, Weak};

use tokio::task::JoinHandle;

use super::link::Link;

/// A broker with its vhost, and a queue of it.
type Place = (String, String);

/// Who has which queue, whichever source made the receiver.
static CLAIMS: LazyLock<Mutex<HashMap<Place, Weak<Claim>>>> = LazyLock::new(Mutex::default);

/// A receiver's word that it has its queues, once it has said so.
#[derive(Default)]
pub(super) struct Claim {
    is_made: AtomicBool,
    is_lost: AtomicBool,
    link: Mutex<Weak<Link>>,
}

impl Claim {
    /// Takes queues of a broker over, the first time that it is called. Whoever had one of them loses all that it
    /// had, and hangs up before this returns; also when nobody waits for it any more.
    pub(super) async fn make(self: &Arc<Self>, broker: &str, queues: &[String]) {
        if self.is_made.swap(true, Ordering::SeqCst) {
            return;
        }
        let closing: Vec<JoinHandle<()>> = self
            .instead_of_others(broker, queues)
            .into_iter()
            .filter_map(|before| before.link())
            .map(|link| tokio::spawn(async move { link.close().await }))
            .collect();
        for closed in closing {
            // What has failed there is for whoever has lost.
            let _ = closed.await;
        }
    }

    /// Those who have lost something by it, each once.
    fn instead_of_others(self: &Arc<Self>, broker: &str, queues: &[String]) -> Vec<Arc<Self>> {
        let mut claims = CLAIMS.lock().unwrap_or_else(PoisonError::into_inner);
        claims.retain(|_, claim| claim.strong_count() > 0);
        let taken = queues.iter().filter_map(|queue| {
            let before = claims.insert((broker.to_owned(), queue.clone()), Arc::downgrade(self));
            before?.upgrade()
        });
        taken.filter(|before| !before.is_lost.swap(true, Ordering::SeqCst)).collect()
    }

    /// Whether somebody else has the queues now.
    pub(super) fn is_lost(&self) -> bool {
        self.is_lost.load(Ordering::SeqCst)
    }

    /// The queues are received over this connection.
    pub(super) fn is_used_by(&self, link: &Arc<Link>) {
        *self.link.lock().unwrap_or_else(PoisonError::into_inner) = Arc::downgrade(link);
    }

    /// Ends the connection at once, if there is one.
    pub(super) fn hang_up(&self) {
        if let Some(link) = self.link() {
            link.hang_up();
        }
    }

    fn link(&self) -> Option<Arc<Link>> {
        self.link.lock().unwrap_or_else(PoisonError::into_inner).upgrade()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn made(broker: &str, queues: &[&str]) -> Arc<Claim> {
        let queues: Vec<String> = queues.iter().map(|&queue| queue.to_owned()).collect();
        let claim = Arc::new(Claim::default());
        claim.make(broker, &queues).await;
        claim
    }

    #[tokio::test]
    async fn the_last_one_has_a_queue() {
        let first = made("amqp://here:5672", &["orders.0", "orders.1"]).await;
        let other = made("amqp://here:5672", &["bills"]).await;
        let elsewhere = made("amqp://here:5672/shop", &["orders.1"]).await;
        assert!(!first.is_lost());
        let second = made("amqp://here:5672", &["orders.1"]).await;
        assert!(first.is_lost());
        assert!(!other.is_lost() && !elsewhere.is_lost() && !second.is_lost());
    }

    #[tokio::test]
    async fn who_connects_again_takes_nothing_back() {
        let first = made("amqp://there:5672", &["orders"]).await;
        let second = made("amqp://there:5672", &["orders"]).await;
        first.make("amqp://there:5672", &["orders".to_owned()]).await;
        assert!(first.is_lost() && !second.is_lost());
    }
}
