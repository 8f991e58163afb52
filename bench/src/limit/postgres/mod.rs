//! By tokio-postgres and serde, and nothing else.

mod append;
mod append10;
mod catch_up;
mod command;
mod consume;
mod database;
mod history;
mod import;
mod latency;
mod load;
mod publish;
mod rebuild;
mod saga;

use crate::Failure;
use crate::measure::Measured;
use crate::task::{FIRST, Phase, Task, Work};

pub(crate) async fn run(task: &Task) -> Result<Measured, Failure> {
    if task.phase == Phase::Prepare {
        let client = database::connect(task).await?;
        database::make_tables(&client).await?;
        let (accounts, each) = crate::task::history(task);
        if accounts > 0 {
            history::copy(&client, accounts, each).await?;
        }
        saga::prepare(&client, task).await?;
        task.prepare_place().await?;
        return Ok(Measured::default());
    }
    match task.work {
        Work::Append { per_commit: 1, .. } => append::measure(task).await,
        Work::Append { per_commit, .. } => append10::measure(task, per_commit).await,
        Work::Load { length } => load::measure(task, length).await,
        Work::Command { .. } => command::measure(task).await,
        Work::Rebuild { .. } => rebuild::measure(task).await,
        Work::CatchUp => catch_up::measure(task).await,
        Work::Publish => publish::measure(task).await,
        Work::Consume => consume::measure(task).await,
        Work::Saga { .. } | Work::Open { .. } => saga::measure(task).await,
        Work::Lag | Work::Delivery { .. } | Work::Deadlines { .. } => {
            Err("nothing was written by hand for this".into())
        }
        Work::Latency if task.process == FIRST => latency::append(task).await,
        Work::Latency => latency::project(task).await,
        Work::Import => import::measure(task).await,
    }
}
