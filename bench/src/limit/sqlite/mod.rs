//! By rusqlite and serde, and nothing else.

mod append;
mod catch_up;
mod command;
mod database;
mod history;
mod import;
mod latency;
mod load;
mod rebuild;
mod saga;

use crate::Failure;
use crate::measure::Measured;
use crate::task::{Phase, Task, Work};

pub(crate) fn run(task: &Task) -> Result<Measured, Failure> {
    let mut connection = database::open(task)?;
    if task.phase == Phase::Prepare {
        let (accounts, each) = crate::task::history(task);
        history::make(&mut connection, accounts, each)?;
        saga::prepare(&mut connection, task)?;
        return Ok(Measured::default());
    }
    match task.work {
        Work::Append { per_commit, .. } => append::measure(&connection, task, per_commit),
        Work::Load { length } => load::measure(&connection, task, length),
        Work::Command { cached } => command::measure(&connection, task, cached),
        Work::Rebuild { .. } => rebuild::measure(&mut connection, task),
        Work::CatchUp => catch_up::measure(&mut connection, task),
        Work::Saga { .. } | Work::Open { .. } => saga::measure(&mut connection, task),
        Work::Lag
        | Work::Publish
        | Work::Consume
        | Work::Delivery { .. }
        | Work::Deadlines { .. } => Err("nothing was written by hand for this".into()),
        Work::Latency => latency::measure(&connection, task),
        Work::Import => import::measure(&mut connection, task),
    }
}
