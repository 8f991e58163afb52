//! `load`: one query, serde, the fold.

use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::database::{Fold, stream};
use crate::Failure;
use crate::domain::account;
use crate::measure::{Measured, Stopwatch};
use crate::task::{Task, history};

/// How long loads go on.
const TIME: Duration = Duration::from_secs(1);

pub(super) fn measure(
    connection: &Connection,
    task: &Task,
    length: u64,
) -> Result<Measured, Failure> {
    let (accounts, _) = history(task);
    let mut fold = Fold::new(connection)?;
    for n in 0..accounts.min(10) {
        fold.account(&stream(account(n)))?;
    }
    let mut watch = Stopwatch::start()?;
    let (begun, mut loads) = (Instant::now(), 0);
    while begun.elapsed() < TIME {
        let one = Instant::now();
        let loaded = fold.account(&stream(account(loads % accounts)))?;
        watch.add(one.elapsed());
        loads += 1;
        if loaded.movements != length {
            return Err(format!("{} of {length} events", loaded.movements).into());
        }
    }
    watch.stop(loads * length)
}
