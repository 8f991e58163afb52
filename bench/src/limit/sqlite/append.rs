//! `append` and `append10`: one connection, one commit after the other. SQLite has one writer, so
//! more of them would only wait for each other.

use std::time::Instant;

use rusqlite::Connection;

use super::database::{Insert, stream};
use crate::Failure;
use crate::domain::{Movement, account};
use crate::measure::{Measured, Stopwatch};
use crate::task::{STREAMS, Task};

pub(super) fn measure(
    connection: &Connection,
    task: &Task,
    per_commit: u64,
) -> Result<Measured, Failure> {
    // A single writer gets no faster by more events: those of one worker are enough.
    let commits = (task.events / per_commit).min(10_000);
    let mut insert = Insert::new(connection)?;
    let mut begin = connection.prepare("BEGIN IMMEDIATE")?;
    let mut commit = connection.prepare("COMMIT")?;
    let mut watch = Stopwatch::start()?;
    for n in 0..commits {
        let begun = Instant::now();
        let stream = stream(account(task.append_account(0, n)));
        let version = n / STREAMS * per_commit;
        begin.execute([])?;
        for one in 0..per_commit {
            insert.event(&stream, version + one + 1, &Movement::number(n * per_commit + one))?;
        }
        commit.execute([])?;
        watch.add(begun.elapsed());
    }
    watch.stop(commits * per_commit)
}
