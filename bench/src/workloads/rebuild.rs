//! `rebuild`: the read model anew from history, beside the one that serves, and the switch.

use std::sync::Arc;

use annals::Annals;
use annals::store::Store;

use super::balances::{Balance, Balances, wait_for_head};
use crate::Failure;
use crate::measure::{Measured, Stopwatch};
use crate::task::{Task, history};

pub(super) async fn measure(store: Arc<dyn Store>, task: &Task) -> Result<Measured, Failure> {
    let annals = Annals::on_shared(store).project(Balances).start().await?;
    wait_for_head(&annals).await?;
    let (accounts, each) = history(task);
    let watch = Stopwatch::start()?;
    annals.rebuild::<Balances>().await?;
    let measured = watch.stop(accounts * each)?;
    let rows = annals.read::<Balance>().all().await?;
    let movements: i64 = rows.iter().map(|row| row.movements).sum();
    if rows.len() as u64 != accounts || movements.unsigned_abs() != accounts * each {
        return Err(format!("{} rows from {movements} events", rows.len()).into());
    }
    annals.shutdown().await;
    Ok(measured)
}
