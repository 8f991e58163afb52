//! How far a rebuild has got.

use std::time::Duration;

use annals_core::Position;
use tokio::time::Instant;

/// How far a rebuild has got.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Progress {
    /// How many events of the log have been looked at.
    pub events: u64,
    /// How many of them since this rebuild began or went on.
    pub events_read: u64,
    /// How many there are.
    pub total: u64,
    /// How many a second, since this rebuild began or went on.
    pub events_per_second: f64,
    /// How long it will take at this speed, once that can be told.
    pub time_left: Option<Duration>,
    /// Why it has to wait before the new version can take over, such as for a report that is being
    /// read from the old one. It goes on by itself.
    pub waiting_for: Option<String>,
    /// Whether the new version has taken over.
    pub done: bool,
}

impl Progress {
    /// How much is done, 0 to 100.
    pub fn percent(&self) -> u8 {
        match self.total {
            0 if self.done => 100,
            // Nothing has been looked at yet.
            0 => 0,
            // At most 100, because it is cut off there.
            total => (self.events.saturating_mul(100) / total).min(100) as u8,
        }
    }

    /// How far it has got.
    pub(crate) fn position(&self) -> Position {
        Position::new(self.events)
    }

    pub(crate) fn new(begun: Instant, from: Position, at: Position, head: Position) -> Self {
        let seconds = begun.elapsed().as_secs_f64();
        let events_read = at.since(from);
        let rate = if seconds > 0.0 { events_read as f64 / seconds } else { 0.0 };
        let left = head.since(at);
        let time_left = (rate > 0.0).then(|| Duration::from_secs_f64(left as f64 / rate));
        Self {
            events: at.get(),
            events_read,
            total: head.get(),
            events_per_second: rate,
            time_left,
            waiting_for: None,
            done: false,
        }
    }
}
