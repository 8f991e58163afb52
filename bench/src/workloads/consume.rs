//! `consume`: another service takes in what a broker has, each message with its effect exactly once.

use std::sync::Arc;
use std::time::Duration;

use annals::Annals;
use annals::outbox::Inbound;
use annals::store::Store;
use annals_tests::brokers::client;

use super::fact::{Copies, Copy};
use crate::Failure;
use crate::domain::account;
use crate::measure::{Measured, Stopwatch};
use crate::task::{Task, spread};

/// How often is looked whether the last message has had its effect.
const LOOK: Duration = Duration::from_millis(20);

pub(super) async fn measure(store: Arc<dyn Store>, task: &Task) -> Result<Measured, Failure> {
    let (accounts, each) = spread(task.events);
    let (url, place) = task.place()?;
    let source = client::source(url, &place).await?;
    let watch = Stopwatch::start()?;
    let inbound = Inbound::on("other", source);
    let annals = Annals::on_shared(store).project_from(&inbound, Copies).start().await?;
    // The accounts take turns, so the last one's last movement is the last message.
    let last = account(accounts - 1);
    let taken_in = async || {
        let row = annals.read::<Copy>().get(&last).await?;
        Ok::<_, Failure>(row.is_some_and(|row| row.movements.unsigned_abs() == each))
    };
    while !taken_in().await? {
        tokio::time::sleep(LOOK).await;
    }
    let measured = watch.stop(accounts * each)?;
    let rows = annals.read::<Copy>().all().await?;
    let movements: i64 = rows.iter().map(|row| row.movements).sum();
    if rows.len() as u64 != accounts || movements.unsigned_abs() != accounts * each {
        return Err(format!("{} rows from {movements} messages", rows.len()).into());
    }
    annals.shutdown().await;
    task.remove_place().await?;
    Ok(measured)
}
