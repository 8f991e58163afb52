//! `command`: each account decides one command, on 20 events of history.

use std::sync::Arc;
use std::time::{Duration, Instant};

use annals::Annals;
use annals::store::Store;

use super::start;
use crate::Failure;
use crate::domain::{Account, AccountEvent, Movement, account};
use crate::measure::{Measured, Stopwatch};
use crate::task::{HISTORY, Task};

pub(super) async fn measure(
    store: Arc<dyn Store>,
    task: &Task,
    cached: bool,
) -> Result<Measured, Failure> {
    let annals = start(store, if cached { task.events as usize } else { 0 }).await?;
    if cached {
        for n in 0..task.events {
            // Decides and writes nothing: now the state is in the cache.
            annals.execute(&account(n), deposit(n)).dry_run().await?;
        }
    }
    let mut watch = Stopwatch::start()?;
    let workers: Vec<_> = (0..task.workers)
        .map(|worker| tokio::spawn(work(annals.clone(), worker, task.workers, task.events)))
        .collect();
    for worker in workers {
        watch.add_all(worker.await??);
    }
    let measured = watch.stop(task.events)?;
    let last = annals.load::<Account>(&account(task.events - 1)).await?;
    if last.state.movements != HISTORY + 1 {
        return Err(format!("{} events after the command", last.state.movements).into());
    }
    Ok(measured)
}

fn deposit(n: u64) -> impl Fn(&Account) -> Result<AccountEvent, crate::domain::Overdrawn> {
    move |account| account.decide(Movement::number(n)).map(AccountEvent::Moved)
}

/// Every `workers`-th account is this worker's.
async fn work(
    annals: Annals,
    worker: u64,
    workers: u64,
    accounts: u64,
) -> Result<Vec<Duration>, Failure> {
    let mut times = Vec::new();
    for n in (worker..accounts).step_by(workers as usize) {
        let begun = Instant::now();
        annals.execute(&account(n), deposit(n)).await?;
        times.push(begun.elapsed());
    }
    Ok(times)
}
