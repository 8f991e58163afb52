//! `rebuild`: the read model anew from history, beside the one that serves, and the switch. Where several
//! processes share it, the first asks for it and the others work on their share.

use std::sync::Arc;
use std::time::Duration;

use annals::Annals;
use annals::ops;
use annals::store::Store;

use super::balances::{Balances, check, wait_for_head};
use crate::Failure;
use crate::measure::{Measured, Stopwatch};
use crate::task::{FIRST, Task, history};

pub(super) async fn measure<const BY_ID: bool>(
    store: Arc<dyn Store>,
    task: &Task,
) -> Result<Measured, Failure> {
    let work = store.clone();
    let annals = Annals::on_shared(store).project(Balances::<BY_ID>).start().await?;
    wait_for_head(&annals).await?;
    let (accounts, each) = history(task);
    if task.process != FIRST {
        return help(&annals, &work).await;
    }
    let watch = Stopwatch::start()?;
    annals.rebuild::<Balances<BY_ID>>().await?;
    let measured = watch.stop(accounts * each)?;
    check(&annals, accounts, each).await?;
    annals.shutdown().await;
    Ok(measured)
}

/// Works on its share until the new tables serve.
async fn help(annals: &Annals, work: &Arc<dyn Store>) -> Result<Measured, Failure> {
    let serving = async || -> Result<u64, Failure> {
        let balances = ops::consumer(&**work, "balances").await?;
        Ok(balances.ok_or("there is no read model")?.generation)
    };
    let before = serving().await?;
    let watch = Stopwatch::start()?;
    while serving().await? == before {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let measured = watch.stop(0)?;
    annals.clone().shutdown().await;
    Ok(measured)
}
