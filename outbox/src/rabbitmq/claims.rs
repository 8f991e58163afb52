//! Which receiver of this process has which queue.
//!
//! The broker keeps receivers apart, and it hands a queue on when a connection ends. So the one that a new
//! receiver takes over from has to hang up: in this process that is arranged here. A receiver of another
//! process hangs up when it is dropped, ends, or is silent for too long.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock, Mutex, PoisonError, Weak};

use super::link::Link;

/// A broker with its vhost, and a queue of it.
type Place = (String, String);

/// Who has which queue, whichever source made the receiver.
static CLAIMS: LazyLock<Mutex<HashMap<Place, Weak<Claim>>>> = LazyLock::new(Mutex::default);

/// A receiver's word that it has its queues.
#[derive(Default)]
pub(super) struct Claim {
    is_lost: AtomicBool,
    link: Mutex<Weak<Link>>,
}

impl Claim {
    /// Takes queues of a broker over. Whoever had one of them loses all that it had, and hangs up before this
    /// returns.
    pub(super) async fn take(broker: &str, queues: &[String]) -> Arc<Self> {
        let claim = Arc::new(Self::default());
        let before: Vec<Arc<Self>> = {
            let mut claims = CLAIMS.lock().unwrap_or_else(PoisonError::into_inner);
            claims.retain(|_, claim| claim.strong_count() > 0);
            let place = |queue: &String| (broker.to_owned(), queue.clone());
            let taken =
                queues.iter().map(|queue| claims.insert(place(queue), Arc::downgrade(&claim)));
            taken.flatten().filter_map(|before| before.upgrade()).collect()
        };
        for before in before {
            before.lose().await;
        }
        claim
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

    async fn lose(&self) {
        self.is_lost.store(true, Ordering::SeqCst);
        if let Some(link) = self.link() {
            link.close().await;
        }
    }

    fn link(&self) -> Option<Arc<Link>> {
        self.link.lock().unwrap_or_else(PoisonError::into_inner).upgrade()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_last_one_has_a_queue() {
        let queues = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
        let first = Claim::take("amqp://here:5672", &queues(&["orders.0", "orders.1"])).await;
        let other = Claim::take("amqp://here:5672", &queues(&["bills"])).await;
        let elsewhere = Claim::take("amqp://here:5672/shop", &queues(&["orders.1"])).await;
        assert!(!first.is_lost());
        let second = Claim::take("amqp://here:5672", &queues(&["orders.1"])).await;
        assert!(first.is_lost());
        assert!(!other.is_lost() && !elsewhere.is_lost() && !second.is_lost());
    }
}
