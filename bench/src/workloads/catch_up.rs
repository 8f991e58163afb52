//! `catch-up`: a handler that runs one statement an event in the transaction that moves its checkpoint,
//! from the first event to the last.

use std::sync::Arc;

use annals::prelude::*;
use annals::store::{BoxError, Store};
use annals::table::{TableSpec, Value};
use annals::{Annals, EventHandler, HandlerTables};

use super::balances::{Balance, check, wait_for_head};
use crate::Failure;
use crate::domain::AccountEvent;
use crate::measure::{Measured, Stopwatch};
use crate::task::{Task, history};

const MOVE: &str = "
    INSERT INTO {balances} AS balance (account, cents, movements) VALUES ($1, $2, 1)
    ON CONFLICT (account) DO UPDATE
    SET cents = balance.cents + excluded.cents, movements = balance.movements + 1";

struct Moving;

#[annals::async_trait]
impl EventHandler for Moving {
    type Event = AccountEvent;
    const NAME: &str = "moving";
    const VERSION: u32 = 1;

    fn tables() -> Vec<TableSpec> {
        vec![Balance::table().clone()]
    }

    async fn handle(
        &self,
        event: &Recorded<AccountEvent>,
        tables: &mut HandlerTables<'_>,
    ) -> Result<(), BoxError> {
        let AccountEvent::Moved(movement) = &event.data;
        let account: Uuid = event.aggregate_id()?;
        let values = [Value::Uuid(account), Value::Integer(movement.cents)];
        Ok(tables.enqueue(MOVE, &values).await?)
    }
}

pub(super) async fn measure(store: Arc<dyn Store>, task: &Task) -> Result<Measured, Failure> {
    let (accounts, each) = history(task);
    let watch = Stopwatch::start()?;
    let annals = Annals::on_shared(store).handle(Moving).start().await?;
    wait_for_head(&annals).await?;
    let measured = watch.stop(accounts * each)?;
    check(&annals, accounts, each).await?;
    annals.shutdown().await;
    Ok(measured)
}
