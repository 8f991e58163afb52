//! What a rebuild would do, as plain data and for people.

use std::fmt;
use std::time::Duration;

use annals_core::Position;
use serde::Serialize;

/// What a rebuild would do: see `Annals::rebuild_dry_run`.
#[derive(Debug, Default, Clone, PartialEq, Serialize)]
pub struct RebuildPlan {
    /// The projection.
    pub projection: String,
    /// Its version in this program, which fills the new generation.
    pub version: u32,
    /// The generation that serves, and its version.
    pub serving: Option<(u64, u32)>,
    /// The generation that would be filled.
    pub generation: u64,
    /// Where a rebuild that was begun before is gone on with. None begins at the start of the log.
    pub goes_on_at: Option<Position>,
    /// Into how many partitions the new generation is cut.
    pub partitions: u32,
    /// The tables that are built anew.
    pub tables: Vec<PlannedTable>,
    /// How many events of the log it would look at.
    pub looked_at: u64,
    /// How many of them it would take in: those of the projection's types.
    pub taken_in: u64,
    /// How many rows come of it. None for a handler, which writes by statements of its own, and when not
    /// all of history was folded.
    pub rows: Option<u64>,
    /// How many events a second were read and folded here, one after the other and into nothing. None for
    /// a handler.
    pub events_per_second: Option<f64>,
    /// How many keys would be parked, because an event of theirs fails that is parked, or skipped, in the
    /// version that serves as well.
    pub parked_keys: u64,
    /// The first event that fails, and why: a rebuild would stand still at it.
    pub failure: Option<String>,
    /// How far history was folded, when its rows were too many to be kept in memory. What follows was
    /// counted only.
    pub folded_up_to: Option<Position>,
}

/// A table that a rebuild builds anew.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlannedTable {
    /// The name under which it is read.
    pub table: String,
    /// How many rows it has now. None when the version that serves has no such table.
    pub rows: Option<u64>,
}

impl RebuildPlan {
    /// Whether every event can be taken in, as far as history was folded.
    pub fn fits(&self) -> bool {
        self.failure.is_none()
    }

    /// About how long a rebuild takes, at the rate of this look at history. Writing the rows comes on top,
    /// and several partitions share the work.
    pub fn expected(&self) -> Option<Duration> {
        let rate = self.events_per_second?;
        Duration::try_from_secs_f64(self.looked_at as f64 / rate).ok()
    }
}

impl fmt::Display for RebuildPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { projection, version, generation, partitions, looked_at, taken_in, .. } = self;
        write!(f, "nothing was done; a rebuild of `{projection}` ")?;
        match self.goes_on_at {
            Some(at) => write!(f, "goes on with generation {generation} at position {at}")?,
            None => write!(f, "begins generation {generation}")?,
        }
        write!(f, " for version {version} in {partitions} partitions")?;
        match self.serving {
            Some((serving, version)) => {
                write!(f, ", while generation {serving} of version {version} serves")?;
            }
            None => write!(f, ", and nothing serves")?,
        }
        write!(f, "; it looks at {looked_at} events and takes {taken_in} of them in")?;
        if let Some(expected) = self.expected() {
            let seconds = expected.as_secs_f64();
            write!(f, ", in about {seconds:.1} s and what writing the rows takes")?;
        }
        for PlannedTable { table, rows } in &self.tables {
            match rows {
                Some(rows) => write!(f, "; `{table}` has {rows} rows")?,
                None => write!(f, "; `{table}` is new")?,
            }
        }
        if let Some(rows) = self.rows {
            write!(f, "; {rows} rows come of it")?;
        }
        if self.parked_keys > 0 {
            write!(f, "; {} keys are parked", self.parked_keys)?;
        }
        match (&self.failure, self.folded_up_to) {
            (Some(failure), _) => {
                write!(f, "; it stands still at the first event that fails: {failure}")
            }
            (None, Some(up_to)) => write!(
                f,
                "; every event fits up to position {up_to}, the rows of what follows were too many to \
                 be kept in memory"
            ),
            (None, None) => write!(f, "; every event fits"),
        }
    }
}
