//! `load`: one query, serde while rows arrive, the fold.

use std::time::{Duration, Instant};

use super::database::{Fold, connect, stream};
use crate::Failure;
use crate::domain::account;
use crate::measure::{Measured, Stopwatch};
use crate::task::{Task, history};

/// How long loads go on.
const TIME: Duration = Duration::from_secs(1);

pub(super) async fn measure(task: &Task, length: u64) -> Result<Measured, Failure> {
    let (accounts, _) = history(task);
    let client = connect(task).await?;
    let fold = Fold::new(&client).await?;
    for n in 0..accounts.min(10) {
        fold.account(&client, &stream(account(n))).await?;
    }
    let mut watch = Stopwatch::start()?;
    let (begun, mut loads) = (Instant::now(), 0);
    while begun.elapsed() < TIME {
        let one = Instant::now();
        let loaded = fold.account(&client, &stream(account(loads % accounts))).await?;
        watch.add(one.elapsed());
        loads += 1;
        if loaded.movements != length {
            return Err(format!("{} of {length} events", loaded.movements).into());
        }
    }
    watch.stop(loads * length)
}
