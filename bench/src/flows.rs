//! What the saga of `saga`, `saga-continue` and `open` is told, by both sides: one instance an account.

use crate::task::{Task, Work};

/// For each of so many events in `open`, one instance begins and one goes on while it is measured: as many as are
/// open where the fewest are.
const HALF: u64 = 100;

/// So many instances are open before it is measured; then so many begin, and so many go on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Flows {
    pub(crate) open: u64,
    begin: u64,
    go_on: u64,
}

impl Flows {
    pub(crate) fn of(task: &Task) -> Self {
        let events = task.events;
        match task.work {
            Work::Saga { continues: true } => Self { open: events, begin: 0, go_on: events },
            Work::Open { share } => {
                // As many whatever is open.
                let half = (events / HALF).max(1);
                Self { open: (events / share).max(1), begin: half, go_on: half }
            }
            Work::Saga { continues: false } => Self { open: 0, begin: events, go_on: 0 },
            _ => Self { open: 0, begin: 0, go_on: 0 },
        }
    }

    /// How many events are told while it is measured, each to one instance.
    pub(crate) fn told(self) -> u64 {
        self.begin + self.go_on
    }

    /// How many instances are open when all are told.
    pub(crate) fn open_at_last(self) -> u64 {
        self.open + self.begin
    }

    /// The number of the account of the `n`-th event that is told while it is measured, and its version in
    /// that account's stream.
    pub(crate) fn place(self, n: u64) -> (u64, u64) {
        match (self.begin, self.go_on) {
            (_, 0) => (self.open + n, 1),
            (0, _) => (n % self.open, 2),
            // They take turns; those that go on lie apart.
            _ if n.is_multiple_of(2) => (self.open + n / 2, 1),
            _ => (n / 2 * (self.open / self.go_on), 2),
        }
    }
}
