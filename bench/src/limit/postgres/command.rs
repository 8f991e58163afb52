//! `command`: every worker has a connection, loads the stream, folds, decides and inserts. Nothing
//! is kept in memory, whatever Annals does: another process may have appended.

use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use super::database::{Fold, Insert, connect, stream};
use crate::Failure;
use crate::domain::{Movement, account};
use crate::measure::{Measured, Stopwatch};
use crate::task::{HISTORY, Task};

pub(super) async fn measure(task: &Task) -> Result<Measured, Failure> {
    let mut clients = Vec::new();
    for _ in 0..task.workers {
        let client = connect(task).await?;
        let (fold, insert) = (Fold::new(&client).await?, Insert::new(&client).await?);
        clients.push((client, fold, insert));
    }
    let mut watch = Stopwatch::start()?;
    let mut workers = JoinSet::new();
    for (worker, (client, fold, insert)) in clients.into_iter().enumerate() {
        let task = task.clone();
        workers.spawn(async move {
            let mut times: Vec<Duration> = Vec::new();
            for n in (worker as u64..task.events).step_by(task.workers as usize) {
                let begun = Instant::now();
                let stream = stream(account(n));
                let state = fold.account(&client, &stream).await?;
                let movement = state.decide(Movement::number(n))?;
                insert.event(&client, &stream, state.movements + 1, &movement).await?;
                times.push(begun.elapsed());
            }
            Ok::<_, Failure>(times)
        });
    }
    while let Some(times) = workers.join_next().await {
        watch.add_all(times??);
    }
    let measured = watch.stop(task.events)?;
    let (client, stream) = (connect(task).await?, stream(account(task.events - 1)));
    let fold = Fold::new(&client).await?;
    let movements = fold.account(&client, &stream).await?.movements;
    if movements != HISTORY + 1 {
        return Err(format!("{movements} events after the command").into());
    }
    Ok(measured)
}
