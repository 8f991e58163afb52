//! `append10`: a hundred events a statement and a commit, ten to each of ten streams.

use std::time::{Duration, Instant};

use annals::Uuid;
use tokio::task::JoinSet;
use tokio_postgres::{Client, Statement};

use super::database::{connect, stream};
use crate::Failure;
use crate::domain::{Movement, account};
use crate::measure::{Measured, Stopwatch};
use crate::task::{STREAMS, Task};

/// How many events a statement has.
const ROWS: u64 = 100;

const INSERT: &str = "
    INSERT INTO events (stream, version, id, type, payload)
    SELECT stream, version, id, 'account.moved', payload::json
    FROM unnest($1::text[], $2::bigint[], $3::uuid[], $4::text[])
        AS event (stream, version, id, payload)";

/// The columns of a statement.
#[derive(Default)]
struct Columns {
    streams: Vec<String>,
    versions: Vec<i64>,
    ids: Vec<Uuid>,
    payloads: Vec<String>,
}

pub(super) async fn measure(task: &Task, per_commit: u64) -> Result<Measured, Failure> {
    let statements = (task.events / ROWS / task.workers).max(1);
    let mut clients = Vec::new();
    for _ in 0..task.workers {
        let client = connect(task).await?;
        let insert = client.prepare(INSERT).await?;
        clients.push((client, insert));
    }
    let mut watch = Stopwatch::start()?;
    let mut workers = JoinSet::new();
    for (worker, (client, insert)) in clients.into_iter().enumerate() {
        let task = task.clone();
        workers.spawn(async move {
            let mut times: Vec<Duration> = Vec::new();
            for n in 0..statements {
                let begun = Instant::now();
                let commits = n * ROWS / per_commit..(n + 1) * ROWS / per_commit;
                let columns = Columns::of(&task, worker as u64, commits, per_commit)?;
                columns.insert(&client, &insert).await?;
                times.push(begun.elapsed());
            }
            Ok::<_, Failure>(times)
        });
    }
    while let Some(times) = workers.join_next().await {
        watch.add_all(times??);
    }
    watch.stop(statements * ROWS * task.workers)
}

impl Columns {
    fn of(
        task: &Task,
        worker: u64,
        commits: std::ops::Range<u64>,
        per_commit: u64,
    ) -> Result<Self, Failure> {
        let mut columns = Self::default();
        for n in commits {
            let stream = stream(account(task.append_account(worker, n)));
            for one in 0..per_commit {
                columns.streams.push(stream.clone());
                columns.versions.push((n / STREAMS * per_commit + one + 1) as i64);
                columns.ids.push(Uuid::now_v7());
                let movement = Movement::number(n * per_commit + one);
                columns.payloads.push(serde_json::to_string(&movement)?);
            }
        }
        Ok(columns)
    }

    async fn insert(&self, client: &Client, insert: &Statement) -> Result<(), Failure> {
        let Self { streams, versions, ids, payloads } = self;
        client.execute(insert, &[streams, versions, ids, payloads]).await?;
        Ok(())
    }
}
