//! `lag`: one process appends at a steady pace, by many tasks; another one keeps a read model, and notes
//! when it is past each position.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use annals::store::Store;
use annals::{Annals, Position};
use tokio::time::MissedTickBehavior;

use super::balances::{Balances, wait_for_head};
use super::start;
use crate::Failure;
use crate::domain::{Account, AccountEvent, Movement, account};
use crate::measure::{Measured, Stopwatch};
use crate::task::{LAG_PACE, LAG_WORKERS, Task};

/// The process that appends: when each command was acknowledged, in the order of the log.
pub(super) async fn append(store: Arc<dyn Store>, task: &Task) -> Result<Measured, Failure> {
    let annals = start(store, 10_000).await?;
    let mut watch = Stopwatch::start()?;
    let each = task.events / LAG_WORKERS;
    let workers: Vec<_> = (0..LAG_WORKERS)
        .map(|worker| tokio::spawn(deposits(annals.clone(), worker, each)))
        .collect();
    let mut acknowledged = Vec::new();
    for worker in workers {
        acknowledged.extend(worker.await??);
    }
    acknowledged.sort_unstable();
    watch.add_all(acknowledged.into_iter().map(|(_, time)| time).collect());
    watch.stop(each * LAG_WORKERS)
}

async fn deposits(
    annals: Annals,
    worker: u64,
    times: u64,
) -> Result<Vec<(Position, Duration)>, Failure> {
    let mut pace = tokio::time::interval(Duration::from_secs(1) / LAG_PACE as u32);
    pace.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut acknowledged = Vec::new();
    for n in 0..times {
        pace.tick().await;
        let deposit =
            |account: &Account| account.decide(Movement::number(n)).map(AccountEvent::Moved);
        let receipt = annals.execute(&account(worker * 1_000 + n % 1_000), deposit).await?;
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?;
        acknowledged.push((receipt.position, now));
    }
    Ok(acknowledged)
}

/// The process that follows: when its read model had each event.
pub(super) async fn follow(store: Arc<dyn Store>, task: &Task) -> Result<Measured, Failure> {
    let annals = Annals::on_shared(store).project(Balances::<false>).start().await?;
    wait_for_head(&annals).await?;
    let mut watch = Stopwatch::start()?;
    let events = task.events / LAG_WORKERS * LAG_WORKERS;
    for n in 1..=events {
        annals.wait_for(Position::new(n), Duration::from_secs(60)).await?;
        watch.stamp()?;
    }
    let measured = watch.stop(events)?;
    annals.shutdown().await;
    Ok(measured)
}
