//! `append` and `append10`: tasks that append to streams of their own, with the expected version.

use std::sync::Arc;
use std::time::{Duration, Instant};

use annals::store::{Append, Store};
use annals::{Aggregate, Annals, ExpectedVersion, NewEvent, StreamId, StreamVersion};

use super::start;
use crate::Failure;
use crate::domain::{Account, AccountEvent, Movement, account};
use crate::measure::{Measured, Stopwatch};
use crate::task::{STREAMS, Task};

pub(super) async fn measure(
    store: Arc<dyn Store>,
    task: &Task,
    per_commit: u64,
) -> Result<Measured, Failure> {
    let annals = start(store, 0).await?;
    let commits = (task.events / per_commit / task.workers).max(1);
    let mut watch = Stopwatch::start()?;
    let workers: Vec<_> = (0..task.workers)
        .map(|worker| tokio::spawn(work(annals.clone(), task.clone(), worker, commits, per_commit)))
        .collect();
    for worker in workers {
        watch.add_all(worker.await??);
    }
    watch.stop(commits * per_commit * task.workers)
}

async fn work(
    annals: Annals,
    task: Task,
    worker: u64,
    commits: u64,
    per_commit: u64,
) -> Result<Vec<Duration>, Failure> {
    let mut times = Vec::new();
    for n in 0..commits {
        let begun = Instant::now();
        let stream = StreamId::new(Account::CATEGORY, account(task.append_account(worker, n)))?;
        let version = StreamVersion::new(n / STREAMS * per_commit);
        let movements = (0..per_commit).map(|one| Movement::number(n * per_commit + one));
        let events = movements.map(|movement| NewEvent::of(&AccountEvent::Moved(movement)));
        let events = events.collect::<Result<_, _>>()?;
        annals.append(Append::to(stream, ExpectedVersion::Exact(version), events)).await?;
        times.push(begun.elapsed());
    }
    Ok(times)
}
