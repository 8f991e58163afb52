//! `latency`: from the call of the append to the row of an asynchronous read model that shows it.

use std::sync::Arc;
use std::time::Instant;

use annals::Annals;
use annals::store::Store;

use super::balances::{Balance, Balances, wait_for_head};
use crate::Failure;
use crate::domain::{Account, AccountEvent, Movement, account};
use crate::measure::{Measured, Stopwatch};
use crate::task::{LATENCY_ACCOUNTS, LATENCY_PACE, Task};

pub(super) async fn measure(store: Arc<dyn Store>, task: &Task) -> Result<Measured, Failure> {
    let annals = Annals::on_shared(store).project(Balances::<false>).start().await?;
    wait_for_head(&annals).await?;
    let mut watch = Stopwatch::start()?;
    let mut pace = tokio::time::interval(LATENCY_PACE);
    for n in 0..task.events {
        pace.tick().await;
        let id = account(n % LATENCY_ACCOUNTS);
        let begun = Instant::now();
        let deposit =
            |account: &Account| account.decide(Movement::number(n)).map(AccountEvent::Moved);
        let (_, row) = annals.execute(&id, deposit).then_read::<Balance>(id).await?;
        watch.add(begun.elapsed());
        if row.map(|row| row.movements.unsigned_abs()) != Some(n / LATENCY_ACCOUNTS + 1) {
            return Err(format!("append {n} is not in the row that was read after it").into());
        }
    }
    let measured = watch.stop(task.events)?;
    annals.shutdown().await;
    Ok(measured)
}
