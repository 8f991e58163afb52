//! The side of Annals: what its users would write.

mod apart;
mod append;
mod balances;
mod catch_up;
mod command;
mod consume;
mod deadlines;
mod delivery;
mod fact;
mod history;
mod import;
mod lag;
mod latency;
mod load;
mod publish;
mod rebuild;
mod saga;

use std::sync::Arc;

use annals::store::Store;
use annals::{Annals, JournalOptions, MemoryStore, SqliteOptions, SqliteStore, open_store};

use crate::Failure;
use crate::measure::Measured;
use crate::place::Target;
use crate::schema::OTHER;
use crate::task::{FIRST, Phase, Synchronous, Task, Work};

pub(crate) async fn run(task: &Task) -> Result<Measured, Failure> {
    let store = open(task).await?;
    if task.phase == Phase::Prepare || task.target == Target::Memory {
        history::make(&store, task).await?;
        task.prepare_place().await?;
    }
    if task.phase == Phase::Prepare {
        return Ok(Measured::default());
    }
    match task.work {
        Work::Append { per_commit, .. } => append::measure(store, task, per_commit).await,
        Work::Load { length } => load::measure(store, task, length).await,
        Work::Command { cached } => command::measure(store, task, cached).await,
        Work::Rebuild { partitions: 1 } => rebuild::measure::<false>(store, task).await,
        Work::Rebuild { .. } => rebuild::measure::<true>(store, task).await,
        Work::CatchUp => catch_up::measure(store, task).await,
        Work::Lag if task.process == FIRST => lag::append(store, task).await,
        Work::Lag => lag::follow(store, task).await,
        Work::Latency if !matches!(task.target, Target::Postgres { .. }) => {
            latency::measure(store, task).await
        }
        Work::Latency if task.process == FIRST => apart::append(store, task).await,
        Work::Latency => apart::project(store, task).await,
        Work::Publish => publish::measure(store, task).await,
        Work::Consume => consume::measure(store, task).await,
        Work::Delivery { .. } if task.process == FIRST => delivery::append(store, task).await,
        Work::Delivery { .. } => delivery::follow(store, task).await,
        Work::Import => import::measure(store, task).await,
        Work::Saga { .. } | Work::Open { .. } => saga::measure(store, task).await,
        Work::Deadlines { pace } => deadlines::measure(store, pace, task.events).await,
    }
}

async fn open(task: &Task) -> Result<Arc<dyn Store>, Failure> {
    // Who receives messages has tables of its own.
    let other = matches!(task.work, Work::Delivery { .. }) && task.process != FIRST;
    match &task.target {
        Target::Memory => Ok(Arc::new(MemoryStore::default())),
        Target::Sqlite { directory } => {
            let synchronous = match task.synchronous {
                Synchronous::Full => annals::Synchronous::Full,
                Synchronous::Normal => annals::Synchronous::Normal,
            };
            let options = SqliteOptions::new(directory.join("annals.db")).synchronous(synchronous);
            Ok(Arc::new(SqliteStore::open_with(options).await?))
        }
        Target::Postgres { url, schema } => {
            let joint = if url.contains('?') { '&' } else { '?' };
            let other = if other { OTHER } else { "" };
            Ok(open_store(&format!("{url}{joint}schema={schema}{other}")).await?)
        }
    }
}

/// A program without read models, whose cache keeps so many states.
async fn start(store: Arc<dyn Store>, cached_states: usize) -> Result<Annals, Failure> {
    let options = JournalOptions { cached_states, ..JournalOptions::default() };
    let annals = Annals::on_shared(store).journal_options(options);
    Ok(annals.aggregate::<crate::domain::Account>().start().await?)
}
