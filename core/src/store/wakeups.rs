//! Hints that the log has grown. Losing one costs latency only.

use std::time::Duration;

use tokio::sync::watch;

use crate::names::Position;

/// The store's end: tells everybody in the process.
#[derive(Debug, Clone)]
pub struct WakeupSender(watch::Sender<Position>);

/// The reader's end.
#[derive(Debug, Clone)]
pub struct Wakeups(watch::Receiver<Position>);

impl Default for WakeupSender {
    fn default() -> Self {
        Self(watch::Sender::new(Position::START))
    }
}

impl WakeupSender {
    /// Says that the log reaches to `head`.
    pub fn wake(&self, head: Position) {
        self.0.send_if_modified(|known| {
            let grows = head > *known;
            *known = (*known).max(head);
            grows
        });
    }

    /// A reader's end.
    pub fn subscribe(&self) -> Wakeups {
        Wakeups(self.0.subscribe())
    }
}

impl Wakeups {
    /// Waits until the log is known to reach beyond `position`, or until `at_most` has passed:
    /// then it is time to look. Returns how far it is known to reach, if that is beyond. Cancel
    /// safe.
    pub async fn beyond(&mut self, position: Position, at_most: Duration) -> Option<Position> {
        let grown = async { self.0.wait_for(|head| *head > position).await.map(|head| *head) };
        match tokio::time::timeout(at_most, grown).await {
            Ok(Ok(head)) => Some(head),
            Err(_) => None,
            Ok(Err(_)) => {
                // The sender is gone with its store: nothing will ever come, so only time can pass.
                tokio::time::sleep(at_most).await;
                None
            }
        }
    }
}
