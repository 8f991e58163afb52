//! The read model of `rebuild` and `latency`.

use std::time::Duration;

use annals::Partitions;
use annals::prelude::*;

use crate::Failure;
use crate::domain::AccountEvent;

#[derive(ReadModel, Debug, Clone, PartialEq)]
#[read_model(table = "balances")]
pub(super) struct Balance {
    #[key]
    pub(super) account: Uuid,
    pub(super) cents: i64,
    pub(super) movements: i64,
}

/// In one partition, or cut by the id of the account.
pub(super) struct Balances<const BY_ID: bool = false>;

impl<const BY_ID: bool> Projection for Balances<BY_ID> {
    type Event = AccountEvent;
    type Row = Balance;
    const NAME: &str = "balances";
    const VERSION: u32 = 1;
    const PARTITIONS: Partitions = if BY_ID { Partitions::ById } else { Partitions::One };

    fn keys(&self, event: &Recorded<AccountEvent>) -> Keys<Uuid> {
        event.aggregate_id().into()
    }

    fn fold(&self, account: &Uuid, row: &mut Option<Balance>, event: &Recorded<AccountEvent>) {
        let AccountEvent::Moved(movement) = &event.data;
        let row = row.get_or_insert(Balance { account: *account, cents: 0, movements: 0 });
        row.cents += movement.cents;
        row.movements += 1;
    }
}

/// Whether the rows follow from so many events of so many accounts.
pub(super) async fn check(annals: &Annals, accounts: u64, each: u64) -> Result<(), Failure> {
    let rows = annals.read::<Balance>().all().await?;
    let movements: i64 = rows.iter().map(|row| row.movements).sum();
    if rows.len() as u64 != accounts || movements.unsigned_abs() != accounts * each {
        return Err(format!("{} rows from {movements} events", rows.len()).into());
    }
    Ok(())
}

/// Waits until the read model shows the whole log.
pub(super) async fn wait_for_head(annals: &Annals) -> Result<(), Failure> {
    let head = annals.log().head().await?;
    Ok(annals.wait_for(head, Duration::from_secs(600)).await?)
}
