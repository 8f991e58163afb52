//! `latency`: from the call of the append to the row of an asynchronous read model that shows it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use annals::Annals;
use annals::store::Store;

use super::balances::{Balance, Balances, wait_for_head};
use crate::Failure;
use crate::domain::{Account, AccountEvent, Movement, account};
use crate::measure::{Sample, Stopwatch};
use crate::task::Task;

/// 50 appends a second.
const PACE: Duration = Duration::from_millis(20);

/// How many accounts take turns.
const ACCOUNTS: u64 = 100;

pub(super) async fn measure(store: Arc<dyn Store>, task: &Task) -> Result<Sample, Failure> {
    let annals = Annals::on_shared(store).project(Balances).start().await?;
    wait_for_head(&annals).await?;
    let mut watch = Stopwatch::start();
    let mut pace = tokio::time::interval(PACE);
    for n in 0..task.events {
        pace.tick().await;
        let id = account(n % ACCOUNTS);
        let begun = Instant::now();
        let deposit =
            |account: &Account| account.decide(Movement::number(n)).map(AccountEvent::Moved);
        let (_, row) = annals.execute(&id, deposit).then_read::<Balance>(id).await?;
        watch.add(begun.elapsed());
        if row.map(|row| row.movements.unsigned_abs()) != Some(n / ACCOUNTS + 1) {
            return Err(format!("append {n} is not in the row that was read after it").into());
        }
    }
    let sample = watch.stop(task.events)?;
    annals.shutdown().await;
    Ok(sample)
}
