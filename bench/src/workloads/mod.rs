//! The side of Annals: what its users would write.

mod append;
mod balances;
mod command;
mod history;
mod latency;
mod load;
mod rebuild;

use std::sync::Arc;

use annals::store::Store;
use annals::{Annals, JournalOptions, MemoryStore, SqliteOptions, SqliteStore};

use crate::Failure;
use crate::measure::Sample;
use crate::task::{Phase, StoreKind, Synchronous, Task, Work};

pub(crate) async fn run(task: &Task) -> Result<Sample, Failure> {
    let store = open(task).await?;
    let in_memory = task.store == StoreKind::Memory;
    if task.phase == Phase::Prepare || (in_memory && task.work.needs_history()) {
        history::make(&store, task).await?;
    }
    if task.phase == Phase::Prepare {
        return Ok(Sample::default());
    }
    match task.work {
        Work::Append { per_commit } => append::measure(store, task, per_commit).await,
        Work::Load { length } => load::measure(store, task, length).await,
        Work::Command { cached } => command::measure(store, task, cached).await,
        Work::Rebuild => rebuild::measure(store, task).await,
        Work::Latency => latency::measure(store, task).await,
    }
}

async fn open(task: &Task) -> Result<Arc<dyn Store>, Failure> {
    if task.store == StoreKind::Memory {
        return Ok(Arc::new(MemoryStore::default()));
    }
    let synchronous = match task.synchronous {
        Synchronous::Full => annals::Synchronous::Full,
        Synchronous::Normal => annals::Synchronous::Normal,
    };
    let options = SqliteOptions::new(task.directory.join("annals.db")).synchronous(synchronous);
    Ok(Arc::new(SqliteStore::open_with(options).await?))
}

/// A program without read models, whose cache keeps so many states.
async fn start(store: Arc<dyn Store>, cached_states: usize) -> Result<Annals, Failure> {
    let options = JournalOptions { cached_states, ..JournalOptions::default() };
    let annals = Annals::on_shared(store).journal_options(options);
    Ok(annals.aggregate::<crate::domain::Account>().start().await?)
}
