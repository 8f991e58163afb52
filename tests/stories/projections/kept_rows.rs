//! A handler's rows are read once and written once a transaction: nobody can tell, whatever a handler
//! does with them in between, however many they are, and whichever of them the database refuses.

use std::collections::BTreeMap;
use std::time::Duration;

use annals::prelude::*;
use annals::store::BoxError;
use annals::table::{TableSpec, Value};
use annals::{EngineOptions, EventHandler, HandlerTables, Position, async_trait};
use annals_tests::bank::AccountEvent;
use annals_tests::random::Random;

use crate::homes::{Home, append, quick};

const PATIENCE: Duration = Duration::from_secs(30);

#[derive(ReadModel, Debug, Clone, PartialEq)]
#[read_model(table = "kept_slots")]
struct Slot {
    #[key]
    slot: i64,
    n: i64,
}

/// Does to its table what the amounts of deposits say.
struct Slots;

/// What an amount says: what to do, and with which row.
fn order(cents: i64) -> (i64, i64) {
    (cents % 6, cents / 6 % 5)
}

#[async_trait]
impl EventHandler for Slots {
    type Event = AccountEvent;
    const NAME: &'static str = "kept_slots";
    const VERSION: u32 = 1;

    fn tables() -> Vec<TableSpec> {
        vec![Slot::table().clone()]
    }

    async fn handle(
        &self,
        event: &Recorded<AccountEvent>,
        tables: &mut HandlerTables<'_>,
    ) -> Result<(), BoxError> {
        let AccountEvent::Deposited { cents } = event.data else { return Ok(()) };
        let (what, slot) = order(cents);
        match what {
            0 => tables.put(&Slot { slot, n: cents }).await,
            1 => {
                let n = tables.get::<Slot>(&slot).await?.map_or(0, |row| row.n) + 1;
                tables.put(&Slot { slot, n }).await
            }
            2 => tables.remove::<Slot>(&slot).await,
            3 => {
                let sql = "UPDATE {kept_slots} SET n = n + 1 WHERE slot >= $1";
                tables.execute(sql, &[Value::Integer(slot)]).await?;
                Ok(())
            }
            4 => {
                let sql = "DELETE FROM {kept_slots} WHERE slot = $1";
                Ok(tables.enqueue(sql, &[Value::Integer(slot)]).await?)
            }
            _ => {
                let rows = tables.query("SELECT slot FROM {kept_slots}", &[]).await?;
                let n = rows.len().try_into()?;
                tables.put(&Slot { slot, n }).await
            }
        }
    }
}

/// What the amounts come to.
fn model(amounts: &[i64]) -> BTreeMap<i64, i64> {
    let mut rows = BTreeMap::new();
    for &cents in amounts {
        let (what, slot) = order(cents);
        match what {
            0 => drop(rows.insert(slot, cents)),
            1 => *rows.entry(slot).or_insert(0) += 1,
            2 | 4 => drop(rows.remove(&slot)),
            3 => rows.range_mut(slot..).for_each(|(_, n)| *n += 1),
            _ => {
                let n = rows.len() as i64;
                rows.insert(slot, n);
            }
        }
    }
    rows
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_read_is_what_was_written() {
    let seed = uuid::Uuid::now_v7().as_u64_pair().1;
    println!("seed {seed}");
    Home::each_database(|home| async move {
        let mut random = Random::new(seed);
        let amounts: Vec<i64> = (0..400).map(|_| random.below(30).cast_signed()).collect();
        let writer = home.program().await.start().await.unwrap();
        let mut last = Position::START;
        for amounts in amounts.chunks(80) {
            let deposit = |&cents| AccountEvent::Deposited { cents };
            last = append(&writer, 1, amounts.iter().map(deposit).collect()).await;
        }
        let all: BTreeMap<i64, i64> = model(&amounts);
        for batch_events in [1, 7, 400] {
            let options = EngineOptions { page_events: 400, batch_events, ..quick() };
            let program = home.program().await.handle(Slots).engine_options(options);
            let annals = program.start().await.unwrap();
            annals.wait_for(last, PATIENCE).await.unwrap();
            annals.rebuild_named("kept_slots").await.unwrap();
            let rows = annals.read::<Slot>().list().await.unwrap();
            let rows: BTreeMap<_, _> = rows.iter().map(|row| (row.slot, row.n)).collect();
            assert_eq!(rows, all, "{batch_events} a batch on {}, seed {seed}", home.name());
            annals.shutdown().await;
        }
        writer.shutdown().await;
    })
    .await;
}

#[derive(ReadModel, Debug, Clone, PartialEq)]
#[read_model(table = "kept_many")]
struct Many {
    #[key]
    n: i64,
    text: String,
}

/// Writes more rows for one event than are kept.
struct Fanned;

#[async_trait]
impl EventHandler for Fanned {
    type Event = AccountEvent;
    const NAME: &'static str = "kept_many";
    const VERSION: u32 = 1;

    fn tables() -> Vec<TableSpec> {
        vec![Many::table().clone()]
    }

    async fn handle(
        &self,
        event: &Recorded<AccountEvent>,
        tables: &mut HandlerTables<'_>,
    ) -> Result<(), BoxError> {
        let AccountEvent::Deposited { cents } = event.data else { return Ok(()) };
        // Large ones are bounded by their bytes.
        let text = if cents < 100 { "x".repeat(1 << 20) } else { String::new() };
        for n in 0..cents {
            tables.put(&Many { n, text: text.clone() }).await?;
        }
        for n in (0..cents).step_by(2) {
            tables.remove::<Many>(&n).await?;
        }
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_rows_than_are_kept_are_all_written() {
    Home::each(|home| async move {
        let program = home.program().await.handle(Fanned).engine_options(quick());
        let annals = program.start().await.unwrap();
        let events = [21_000, 40].map(|cents| AccountEvent::Deposited { cents });
        let last = append(&annals, 1, events.to_vec()).await;
        annals.wait_for(last, PATIENCE).await.unwrap();
        let rows = || annals.read::<Many>();
        assert_eq!(rows().count().await.unwrap(), 10_500, "on {}", home.name());
        assert_eq!(rows().get(&1).await.unwrap().unwrap().text.len(), 1 << 20);
        assert_eq!(rows().get(&0).await.unwrap(), None);
        annals.shutdown().await;
    })
    .await;
}

#[derive(ReadModel, Debug, Clone, PartialEq)]
#[read_model(table = "kept_names", unique(name))]
struct Name {
    #[key]
    account: u32,
    name: String,
}

struct Names;

#[async_trait]
impl EventHandler for Names {
    type Event = AccountEvent;
    const NAME: &'static str = "kept_names";
    const VERSION: u32 = 1;

    fn tables() -> Vec<TableSpec> {
        vec![Name::table().clone()]
    }

    async fn handle(
        &self,
        event: &Recorded<AccountEvent>,
        tables: &mut HandlerTables<'_>,
    ) -> Result<(), BoxError> {
        let account = event.aggregate_id()?;
        match &event.data {
            AccountEvent::Opened { owner } => {
                tables.put(&Name { account, name: owner.clone() }).await
            }
            AccountEvent::Closed => tables.remove::<Name>(&account).await,
            _ => Ok(()),
        }
    }
}

fn opened(owner: &str) -> Vec<AccountEvent> {
    vec![AccountEvent::Opened { owner: owner.to_owned() }]
}

/// The database refuses a row at the end of the batch, and the one event at fault is parked.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_that_is_refused_parks_its_own_event() {
    Home::each(|home| async move {
        let writer = home.program().await.start().await.unwrap();
        append(&writer, 1, opened("ann")).await;
        append(&writer, 2, opened("bob")).await;
        append(&writer, 3, opened("ann")).await;
        append(&writer, 4, opened("cid")).await;
        let last = append(&writer, 2, opened("dan")).await;
        let options = EngineOptions { retry_in_place: Duration::from_millis(20), ..quick() };
        let program = home.program().await.handle(Names).engine_options(options);
        let annals = program.start().await.unwrap();
        annals.wait_for(last, PATIENCE).await.unwrap();
        let rows = annals.read::<Name>().list().await.unwrap();
        let mut rows: Vec<_> = rows.iter().map(|row| (row.account, row.name.as_str())).collect();
        rows.sort_unstable();
        assert_eq!(rows, [(1, "ann"), (2, "dan"), (4, "cid")], "on {}", home.name());
        annals.shutdown().await;
        writer.shutdown().await;
    })
    .await;
}
