//! Hints that the log has grown. Losing one costs latency only, and so does a false one.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::watch;

use crate::names::Position;

/// The store's end: tells everybody in the process.
#[derive(Debug, Clone)]
pub struct WakeupSender {
    head: watch::Sender<Position>,
    from_all: Arc<AtomicBool>,
}

/// The reader's end.
#[derive(Debug, Clone)]
pub struct Wakeups {
    sender: WakeupSender,
    head: watch::Receiver<Position>,
}

impl Default for WakeupSender {
    fn default() -> Self {
        Self { head: watch::Sender::new(Position::START), from_all: Arc::default() }
    }
}

impl WakeupSender {
    /// Says that the log reaches to `head`.
    pub fn wake(&self, head: Position) {
        self.head.send_if_modified(|known| {
            let grows = head > *known;
            *known = (*known).max(head);
            grows
        });
    }

    /// Says whether hints come for the appends of every process, so that there is little to find
    /// without one. At first they do not.
    pub fn comes_from_all(&self, all: bool) {
        self.from_all.store(all, Ordering::Relaxed);
    }

    /// A reader's end.
    pub fn subscribe(&self) -> Wakeups {
        Wakeups { sender: self.clone(), head: self.head.subscribe() }
    }
}

impl Wakeups {
    /// Waits until the log is known to reach beyond `position`, or until `at_most` has passed:
    /// then it is time to look. Returns how far it is known to reach, if that is beyond. Cancel
    /// safe.
    pub async fn beyond(&mut self, position: Position, at_most: Duration) -> Option<Position> {
        let grown = async { self.head.wait_for(|head| *head > position).await.map(|head| *head) };
        // The sender is here, too, and so never gone.
        tokio::time::timeout(at_most, grown).await.ok()?.ok()
    }

    /// How far the log is said to reach.
    pub fn known(&self) -> Position {
        *self.head.borrow()
    }

    /// Takes a hint back that was false: it was `known` before the log was read, which then ended at
    /// `head`. Whoever believed it would look again and again.
    pub fn correct(&self, known: Position, head: Position) {
        self.sender.head.send_if_modified(|hint| {
            let is_false = *hint == known && head < known;
            if is_false {
                *hint = head;
            }
            is_false
        });
    }

    /// Whether hints come for the appends of every process.
    pub fn come_from_all(&self) -> bool {
        self.sender.from_all.load(Ordering::Relaxed)
    }
}
