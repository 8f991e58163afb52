//! `append`: every worker has a connection, and inserts one event a commit. Nothing is checked,
//! and positions come from a sequence: readers could miss events, and no version is looked up.

use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use super::database::{Insert, connect, stream};
use crate::Failure;
use crate::domain::{Movement, account};
use crate::measure::{Measured, Stopwatch};
use crate::task::{STREAMS, Task};

pub(super) async fn measure(task: &Task) -> Result<Measured, Failure> {
    let commits = (task.events / task.workers).max(1);
    let mut clients = Vec::new();
    for _ in 0..task.workers {
        let client = connect(task).await?;
        let insert = Insert::new(&client).await?;
        clients.push((client, insert));
    }
    let mut watch = Stopwatch::start()?;
    let mut workers = JoinSet::new();
    for (worker, (client, insert)) in clients.into_iter().enumerate() {
        let task = task.clone();
        workers.spawn(async move {
            let mut times: Vec<Duration> = Vec::new();
            for n in 0..commits {
                let begun = Instant::now();
                let stream = stream(account(task.append_account(worker as u64, n)));
                insert.event(&client, &stream, n / STREAMS + 1, &Movement::number(n)).await?;
                times.push(begun.elapsed());
            }
            Ok::<_, Failure>(times)
        });
    }
    while let Some(times) = workers.join_next().await {
        watch.add_all(times??);
    }
    watch.stop(commits * task.workers)
}
