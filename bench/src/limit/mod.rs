//! The hand-written side: rusqlite, serde, and nothing else. The leanest program that does the
//! same work with the same durability: what the machine gives, and so the limit.

mod append;
mod command;
mod database;
mod history;
mod latency;
mod load;
mod rebuild;

use crate::Failure;
use crate::measure::Sample;
use crate::task::{Phase, Task, Work};

pub(crate) fn run(task: &Task) -> Result<Sample, Failure> {
    let mut connection = database::open(task)?;
    if task.phase == Phase::Prepare {
        history::make(&mut connection, task)?;
        return Ok(Sample::default());
    }
    match task.work {
        Work::Append { per_commit } => append::measure(&connection, task, per_commit),
        Work::Load { length } => load::measure(&connection, task, length),
        Work::Command { cached } => command::measure(&connection, task, cached),
        Work::Rebuild => rebuild::measure(&mut connection, task),
        Work::Latency => latency::measure(&connection, task),
    }
}
