//! How far a rebuild has got.

use std::time::Duration;

use annals_consumers::Counts;
use annals_core::Position;
use tokio::time::Instant;

/// How far a rebuild has got. Where a read model is built by several partitions, that is how far the one
/// is that is furthest behind, in whatever process.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Progress {
    /// How many events of the log have been looked at.
    pub events: u64,
    /// How many of them since this rebuild began or went on.
    pub events_read: u64,
    /// How many events this process has taken in since then: those of the projection's types that fall
    /// into the partitions it works on.
    pub taken_in: u64,
    /// How many there are. Where positions have holes, about: as many as were found so far to be behind
    /// as many positions.
    pub total: u64,
    /// How many were looked at a second, since this rebuild began or went on.
    pub events_per_second: f64,
    /// How long it will take at this speed, once that can be told.
    pub time_left: Option<Duration>,
    /// Why it has to wait before the new version can take over, such as for a report that is being
    /// read from the old one. It goes on by itself.
    pub waiting_for: Option<String>,
    /// Whether the new version has taken over.
    pub done: bool,
}

/// From where to where a rebuild goes, and since when.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Way {
    pub(crate) begun: Instant,
    pub(crate) from: Position,
    /// Whether every position has its event.
    pub(crate) dense: bool,
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

    /// `at` is the least position reached, `counts` what this process has dealt with.
    pub(crate) fn new(way: Way, at: Position, head: Position, counts: Counts) -> Self {
        let seconds = way.begun.elapsed().as_secs_f64();
        // How many events stand behind so many positions.
        let events = |positions: u64| match way.dense || counts.positions == 0 {
            true => positions,
            false => {
                let share = counts.looked_at as f64 / counts.positions as f64;
                (positions as f64 * share).round() as u64
            }
        };
        let (events_read, left) = (events(at.since(way.from)), events(head.since(at)));
        let rate = if seconds > 0.0 { events_read as f64 / seconds } else { 0.0 };
        let time_left = Duration::try_from_secs_f64(left as f64 / rate).ok();
        let events = events(at.get());
        Self {
            events,
            events_read,
            taken_in: counts.taken_in,
            total: events + left,
            events_per_second: rate,
            time_left: time_left.filter(|_| rate > 0.0),
            waiting_for: None,
            done: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn half_way(dense: bool) -> Progress {
        let begun = Instant::now() - Duration::from_secs(10);
        let way = Way { begun, from: Position::new(100), dense };
        let counts = Counts { positions: 400, looked_at: 100, taken_in: 7 };
        Progress::new(way, Position::new(500), Position::new(1_100), counts)
    }

    fn seconds_left(progress: &Progress) -> u64 {
        progress.time_left.expect("it gets on").as_secs_f64().round() as u64
    }

    #[test]
    fn where_every_position_has_its_event_positions_count() {
        let progress = half_way(true);
        assert_eq!((progress.events, progress.events_read, progress.total), (500, 400, 1_100));
        assert_eq!((progress.taken_in, seconds_left(&progress)), (7, 15));
    }

    #[test]
    fn where_positions_have_holes_what_was_looked_at_counts() {
        let progress = half_way(false);
        assert_eq!((progress.events, progress.events_read, progress.total), (125, 100, 275));
        assert_eq!((progress.percent(), seconds_left(&progress)), (45, 15));
    }

    #[test]
    fn nothing_is_said_of_the_time_before_it_gets_on() {
        let way = Way { begun: Instant::now(), from: Position::START, dense: true };
        let progress = Progress::new(way, Position::START, Position::new(9), Counts::default());
        assert_eq!((progress.time_left, progress.percent()), (None, 0));
    }
}
