//! The same projection inline, by subscription and on demand: the same rows, on both stores.

use std::time::Duration;

use annals::store::{BoxError, EventStore};
use annals::table::{TableSpec, Value};
use annals::{
    Annals, Builder, EventHandler, HandlerTables, MemoryStore, Mode, Recorded, RunState,
    SqliteStore, async_trait,
};
use annals_tests::bank::{Account, AccountEvent, Balance, Balances};
use tempfile::TempDir;

/// Each store by name, with what keeps its file alive.
async fn stores() -> Vec<(&'static str, Box<dyn Fn() -> Builder>, TempDir)> {
    let directory = tempfile::tempdir().unwrap();
    let sqlite = SqliteStore::open(directory.path().join("modes.db")).await.unwrap();
    let memory = MemoryStore::default();
    vec![
        ("memory", Box::new(move || Annals::on(memory.clone())), tempfile::tempdir().unwrap()),
        ("sqlite", Box::new(move || Annals::on(sqlite.clone())), directory),
    ]
}

async fn deposits(annals: &Annals, count: u64) {
    for n in 0..count {
        annals.execute(&(n % 7), |account: &Account| account.deposit(10)).await.unwrap();
    }
}

async fn balances(annals: &Annals) -> Vec<Balance> {
    annals.read::<Balance>().list().await.unwrap()
}

async fn live(annals: &Annals) -> Vec<Balance> {
    let mut rows: Vec<_> = annals.live(Balances).all().await.unwrap().into_values().collect();
    rows.sort_by_key(|row| row.account);
    rows
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn inline_async_and_live_agree() {
    for (store, builder, _directory) in stores().await {
        // History from before any projection existed.
        deposits(&builder().start().await.unwrap(), 20).await;

        let inline = builder().project_inline(Balances).start().await.unwrap();
        assert_eq!(balances(&inline).await, live(&inline).await, "{store}: caught up at start");
        deposits(&inline, 20).await;
        // No waiting: the rows were committed with the events.
        assert_eq!(balances(&inline).await, live(&inline).await, "{store}: inline");

        // Appends of a program without the projection leave a gap; the next append closes it.
        deposits(&builder().start().await.unwrap(), 5).await;
        deposits(&inline, 1).await;
        assert_eq!(balances(&inline).await, live(&inline).await, "{store}: the gap is closed");
        let status = inline.status().await.unwrap().remove(0);
        assert_eq!((status.lag_events, status.mode), (0, Mode::Inline));
        inline.shutdown().await;

        // The same table goes on by subscription.
        let annals = builder().project(Balances).start().await.unwrap();
        deposits(&annals, 20).await;
        let head = annals.log().head().await.unwrap();
        annals.wait_for(head, Duration::from_secs(10)).await.unwrap();
        assert_eq!(balances(&annals).await, live(&annals).await, "{store}: async");
        let status = annals.status().await.unwrap().remove(0);
        assert_eq!((status.position, status.lag_events), (head, 0), "{store}");
        assert_eq!((status.state, status.last_error), (RunState::Live, None), "{store}");
        let of_stream =
            annals.live(Balances).of_stream(&"account-3".parse().unwrap()).await.unwrap();
        assert_eq!(of_stream.get(&3), live(&annals).await.iter().find(|row| row.account == 3));
        annals.shutdown().await;
    }
}

/// A row that is removed and comes again is a new row, in every mode.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_that_goes_and_comes_again() {
    for (store, builder, _directory) in stores().await {
        let annals = builder().project(Balances).start().await.unwrap();
        deposits(&annals, 7).await;
        let close = |_: &Account| Ok(AccountEvent::Closed);
        let (_, gone) = annals.execute(&1, close).then_read::<Balance>(1).await.unwrap();
        assert_eq!(gone, None, "{store}");
        let deposit = |account: &Account| account.deposit(5);
        let (_, back) = annals.execute(&1, deposit).then_read::<Balance>(1).await.unwrap();
        assert_eq!(back.unwrap().cents, 5, "{store}");
        assert_eq!(balances(&annals).await, live(&annals).await, "{store}");
        annals.shutdown().await;
    }
}

/// Counts deposits by size with SQL of its own.
struct Sizes;

#[derive(annals::ReadModel, Debug, Clone, PartialEq)]
#[read_model(table = "sizes")]
struct Size {
    #[key]
    cents: i64,
    deposits: i64,
}

#[async_trait]
impl EventHandler for Sizes {
    type Event = AccountEvent;
    const NAME: &'static str = "sizes";
    const VERSION: u32 = 1;
    const ON_FAILURE: annals::OnFailure = annals::OnFailure::Stop;

    fn tables() -> Vec<TableSpec> {
        vec![<Size as annals::ReadModel>::table().clone()]
    }

    async fn handle(
        &self,
        event: &Recorded<AccountEvent>,
        tables: &mut HandlerTables<'_>,
    ) -> Result<(), BoxError> {
        if let AccountEvent::Deposited { cents } = event.data {
            let sql = "INSERT INTO {sizes} (cents, deposits) VALUES ($1, $2)
                       ON CONFLICT (cents) DO UPDATE SET deposits = deposits + $2";
            tables.execute(sql, &[Value::Integer(cents), Value::Integer(1)]).await?;
            if cents == 13 {
                return Err("thirteen is refused".into());
            }
        }
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_handler_with_sql_of_its_own() {
    let directory = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(directory.path().join("handler.db")).await.unwrap();
    let annals = Annals::on(store.clone()).handle(Sizes).start().await.unwrap();
    deposits(&annals, 20).await;
    let deposit = |account: &Account| account.deposit(99);
    let (_, row) = annals.execute(&1, deposit).then_read::<Size>(99).await.unwrap();
    assert_eq!(row, Some(Size { cents: 99, deposits: 1 }));
    annals.rebuild_named(Sizes::NAME).await.unwrap();
    let rows = annals.read::<Size>().list().await.unwrap();
    assert_eq!(rows, [Size { cents: 10, deposits: 20 }, Size { cents: 99, deposits: 1 }]);

    // A handler that fails stands still, says why, and has written nothing of the batch.
    let bad = annals.execute(&1, |account: &Account| account.deposit(13)).await.unwrap();
    let waited = annals.wait_for(bad.position, Duration::from_millis(300)).await.unwrap_err();
    assert!(waited.to_string().contains("thirteen is refused"), "{waited}");
    let status = annals.status().await.unwrap().remove(0);
    assert_eq!(status.state, RunState::Failed);
    assert!(status.lag_events >= 1 && status.lag > Duration::ZERO, "{status:?}");
    assert_eq!(annals.read::<Size>().get(&13).await.unwrap(), None);
    annals.shutdown().await;

    // Inline, the append is refused with it.
    let inline = Annals::on(store.clone()).start().await.unwrap();
    let before = inline.log().head().await.unwrap();
    drop(inline);
    let refused = Annals::on(store.clone()).handle_inline(Sizes).start().await;
    assert!(refused.err().unwrap().to_string().contains("thirteen"), "history holds it already");
    assert_eq!(store.head().await.unwrap(), before);
}

/// Keeps the largest deposit of each account, row by row, with no SQL.
struct Largest;

#[derive(annals::ReadModel, Debug, Clone, PartialEq)]
#[read_model(table = "largest")]
struct LargestDeposit {
    #[key]
    account: u32,
    cents: i64,
}

#[async_trait]
impl EventHandler for Largest {
    type Event = AccountEvent;
    const NAME: &'static str = "largest";
    const VERSION: u32 = 1;

    fn tables() -> Vec<TableSpec> {
        vec![<LargestDeposit as annals::ReadModel>::table().clone()]
    }

    async fn handle(
        &self,
        event: &Recorded<AccountEvent>,
        tables: &mut HandlerTables<'_>,
    ) -> Result<(), BoxError> {
        let account = event.aggregate_id()?;
        let known = tables.get::<LargestDeposit>(&account).await?.map_or(0, |row| row.cents);
        match event.data {
            AccountEvent::Deposited { cents } if cents > known => {
                tables.put(&LargestDeposit { account, cents }).await
            }
            AccountEvent::Closed => tables.remove::<LargestDeposit>(&account).await,
            _ => Ok(()),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_handler_without_sql_runs_on_every_store() {
    for (store, builder, _directory) in stores().await {
        for inline in [false, true] {
            let builder =
                if inline { builder().handle_inline(Largest) } else { builder().handle(Largest) };
            let annals = builder.start().await.unwrap();
            for cents in [3, 9, 4] {
                annals.execute(&1, |account: &Account| account.deposit(cents)).await.unwrap();
                annals.execute(&2, |account: &Account| account.deposit(cents)).await.unwrap();
            }
            let close = annals.execute(&2, |_: &Account| Ok(AccountEvent::Closed)).await.unwrap();
            let rows = annals.read::<LargestDeposit>().after(close.position).list().await.unwrap();
            assert_eq!(rows, [LargestDeposit { account: 1, cents: 9 }], "{store}, inline {inline}");
            annals.shutdown().await;
        }
    }
}
