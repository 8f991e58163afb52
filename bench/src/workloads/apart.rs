//! `latency` in two processes: one executes commands, the other keeps the read model and reads it.

use std::sync::Arc;
use std::time::Duration;

use annals::store::Store;
use annals::{Annals, Position};

use super::balances::{Balance, Balances, wait_for_head};
use super::start;
use crate::Failure;
use crate::domain::{Account, AccountEvent, Movement, account};
use crate::measure::{Measured, Stopwatch};
use crate::task::{LATENCY_ACCOUNTS, LATENCY_PACE, Task};

/// The process that appends: when each command began.
pub(super) async fn append(store: Arc<dyn Store>, task: &Task) -> Result<Measured, Failure> {
    let annals = start(store, LATENCY_ACCOUNTS as usize).await?;
    let mut watch = Stopwatch::start()?;
    let mut pace = tokio::time::interval(LATENCY_PACE);
    for n in 0..task.events {
        pace.tick().await;
        watch.stamp()?;
        let deposit =
            |account: &Account| account.decide(Movement::number(n)).map(AccountEvent::Moved);
        annals.execute(&account(n % LATENCY_ACCOUNTS), deposit).await?;
    }
    watch.stop(task.events)
}

/// The process that projects: when each row was seen.
pub(super) async fn project(store: Arc<dyn Store>, task: &Task) -> Result<Measured, Failure> {
    let annals = Annals::on_shared(store).project(Balances::<false>).start().await?;
    wait_for_head(&annals).await?;
    let mut watch = Stopwatch::start()?;
    for n in 0..task.events {
        // The log is of this measurement alone, so the n-th append has the n-th position.
        annals.wait_for(Position::new(n + 1), Duration::from_secs(60)).await?;
        let row = annals.read::<Balance>().get(&account(n % LATENCY_ACCOUNTS)).await?;
        watch.stamp()?;
        let movements = row.map_or(0, |row| row.movements.unsigned_abs());
        if movements < n / LATENCY_ACCOUNTS + 1 {
            return Err(format!("append {n} is not in the row that was read after it").into());
        }
    }
    let measured = watch.stop(task.events)?;
    annals.shutdown().await;
    Ok(measured)
}
