//! `load`: one account after the other, folded from its whole stream; nothing is kept in memory.

use std::sync::Arc;
use std::time::{Duration, Instant};

use annals::store::Store;

use super::start;
use crate::Failure;
use crate::domain::{Account, account};
use crate::measure::{Measured, Stopwatch};
use crate::task::{Task, history};

/// How long loads go on.
const TIME: Duration = Duration::from_secs(1);

pub(super) async fn measure(
    store: Arc<dyn Store>,
    task: &Task,
    length: u64,
) -> Result<Measured, Failure> {
    let annals = start(store, 0).await?;
    let (accounts, _) = history(task);
    for n in 0..accounts.min(10) {
        annals.load::<Account>(&account(n)).await?;
    }
    let mut watch = Stopwatch::start()?;
    let (begun, mut loads) = (Instant::now(), 0);
    while begun.elapsed() < TIME {
        let one = Instant::now();
        let loaded = annals.load::<Account>(&account(loads % accounts)).await?;
        watch.add(one.elapsed());
        loads += 1;
        if loaded.state.movements != length {
            return Err(format!("{} of {length} events", loaded.state.movements).into());
        }
    }
    watch.stop(loads * length)
}
