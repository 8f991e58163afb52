//! A rebuild while events go on arriving: the old rows serve, the switch is atomic, the result is
//! the same; cancelled, it goes on later (I7).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use annals::prelude::*;
use annals::{
    Annals, EngineOptions, MemoryStore, ProjectionError, ReadError, RebuildError, RunState,
    SqliteOptions, SqliteStore, StartError, Synchronous,
};
use annals_tests::bank::{Account, AccountEvent, Balance, Balances};
use tempfile::TempDir;

async fn sqlite() -> (SqliteStore, TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let options =
        SqliteOptions::new(directory.path().join("rebuild.db")).synchronous(Synchronous::Normal);
    (SqliteStore::open_with(options).await.unwrap(), directory)
}

/// Small pages, so that a rebuild has many moments in which something can happen.
fn small_pages() -> EngineOptions {
    EngineOptions { page_events: 50, batch_events: 100, ..EngineOptions::default() }
}

async fn deposits(annals: &Annals, count: u64) {
    for n in 0..count {
        annals.execute(&(n % 20), |account: &Account| account.deposit(1)).await.unwrap();
    }
}

async fn rows_equal_a_replay(annals: &Annals) {
    let head = annals.log().head().await.unwrap();
    annals.wait_for(head, Duration::from_secs(20)).await.unwrap();
    let rows = annals.read::<Balance>().list().await.unwrap();
    let mut replay: Vec<_> = annals.live(Balances).all().await.unwrap().into_values().collect();
    replay.sort_by_key(|row| row.account);
    assert_eq!(rows, replay);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writers_and_readers_do_not_notice() {
    let (store, _directory) = sqlite().await;
    for inline in [false, true] {
        let builder = Annals::on(store.clone()).engine_options(small_pages());
        let builder =
            if inline { builder.project_inline(Balances) } else { builder.project(Balances) };
        let annals = builder.start().await.unwrap();
        deposits(&annals, 500).await;
        annals.wait_for(annals.log().head().await.unwrap(), Duration::from_secs(20)).await.unwrap();

        let stop = Arc::new(AtomicBool::new(false));
        let written = Arc::new(AtomicU64::new(0));
        let writer = {
            let (annals, stop, written) = (annals.clone(), stop.clone(), written.clone());
            tokio::spawn(async move {
                while !stop.load(Ordering::Relaxed) {
                    deposits(&annals, 1).await;
                    written.fetch_add(1, Ordering::Relaxed);
                }
            })
        };
        let reader = {
            let (annals, stop) = (annals.clone(), stop.clone());
            tokio::spawn(async move {
                let mut most = 0;
                while !stop.load(Ordering::Relaxed) {
                    // A read model that is there, whole, and never goes back.
                    let rows = annals.read::<Balance>().list().await.unwrap();
                    assert_eq!(rows.len(), 20);
                    let events: i64 = rows.iter().map(|row| row.events).sum();
                    assert!(events >= most, "from {most} events back to {events}");
                    most = events;
                }
            })
        };
        for _ in 0..5 {
            let done = annals.rebuild::<Balances>().await.unwrap();
            assert!(done.done && done.percent() == 100, "{done:?}");
        }
        stop.store(true, Ordering::Relaxed);
        writer.await.unwrap();
        reader.await.unwrap();
        assert!(written.load(Ordering::Relaxed) > 0, "writing went on");
        rows_equal_a_replay(&annals).await;
        annals.shutdown().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cancelled_it_goes_on_later() {
    let (store, _directory) = sqlite().await;
    let annals = Annals::on(store.clone())
        .project(Balances)
        .engine_options(small_pages())
        .start()
        .await
        .unwrap();
    deposits(&annals, 2_000).await;
    let mut handle = annals.rebuild::<Balances>();
    let second = annals.rebuild::<Balances>().await.unwrap_err();
    assert!(matches!(second, RebuildError::AlreadyRunning { .. }), "{second}");
    handle.next_progress().await.unwrap();
    handle.cancel();
    let error = handle.await.unwrap_err();
    let RebuildError::Cancelled { events, .. } = error else { panic!("{error}") };
    assert!(events > 0 && error.to_string().contains("start it again"), "{error}");
    rows_equal_a_replay(&annals).await;
    annals.shutdown().await;

    // Another process goes on from there.
    let annals = Annals::on(store).project(Balances).start().await.unwrap();
    let done = annals.rebuild::<Balances>().await.unwrap();
    assert_eq!(done.events - done.events_read, events, "it went on where it was cancelled");
    rows_equal_a_replay(&annals).await;
}

/// Version 2 of the balances has another column, and counts in euros.
struct Euros;

#[derive(ReadModel, Debug, Clone, PartialEq)]
#[read_model(table = "balances")]
struct EuroBalance {
    #[key]
    account: u32,
    euros: f64,
}

impl Projection for Euros {
    type Event = AccountEvent;
    type Row = EuroBalance;
    const NAME: &str = "balances";
    const VERSION: u32 = 2;

    fn keys(&self, event: &Recorded<AccountEvent>) -> Keys<u32> {
        event.aggregate_id().into()
    }

    fn fold(&self, account: &u32, row: &mut Option<EuroBalance>, event: &Recorded<AccountEvent>) {
        let balance = row.get_or_insert(EuroBalance { account: *account, euros: 0.0 });
        if let AccountEvent::Deposited { cents } = event.data {
            balance.euros += cents as f64 / 100.0;
        }
    }
}

/// The same columns as [`EuroBalance`] under version 1.
struct Careless;

impl Projection for Careless {
    type Event = AccountEvent;
    type Row = EuroBalance;
    const NAME: &str = "balances";
    const VERSION: u32 = 1;

    fn keys(&self, event: &Recorded<AccountEvent>) -> Keys<u32> {
        Euros.keys(event)
    }

    fn fold(&self, account: &u32, row: &mut Option<EuroBalance>, event: &Recorded<AccountEvent>) {
        Euros.fold(account, row, event);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_version_is_built_beside_the_old() {
    let (store, _directory) = sqlite().await;
    let old = Annals::on(store.clone()).project(Balances).start().await.unwrap();
    deposits(&old, 500).await;
    rows_equal_a_replay(&old).await;

    // New columns under the old version: the program must not start.
    let careless = Annals::on(store.clone()).project(Careless).start().await.unwrap_err();
    let StartError::Projection(ProjectionError::ShapeChanged { .. }) = careless else {
        panic!("{careless}");
    };
    assert!(careless.to_string().contains("raise `VERSION`"), "{careless}");

    let new = Annals::on(store.clone()).project(Euros).start().await.unwrap();
    let row = loop {
        match new.read::<EuroBalance>().get(&3).await {
            Ok(row) => break row.unwrap(),
            // Never the old columns under the new name.
            Err(ReadError::Rebuilding { .. }) => tokio::task::yield_now().await,
            Err(error) => panic!("{error}"),
        }
    };
    assert!((row.euros - 0.25).abs() < 1e-9, "{row:?}");
    let receipt = new.execute(&3, |account: &Account| account.deposit(75)).await.unwrap();
    let row = new.read::<EuroBalance>().after(receipt.position).get(&3).await.unwrap().unwrap();
    assert!((row.euros - 1.0).abs() < 1e-9, "{row:?}");

    // The old program notices, and leaves the new tables alone.
    deposits(&old, 1).await;
    let state = loop {
        let status = old.status().await.unwrap().remove(0);
        if status.state == RunState::Superseded {
            break status;
        }
        tokio::task::yield_now().await;
    };
    assert!(state.last_error.unwrap().contains("version 2"), "it says who keeps it");
}

/// An index that is added later is made in place, without a rebuild.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_index_is_added_in_place() {
    #[derive(ReadModel, Debug, Clone)]
    #[read_model(table = "plain")]
    struct Before {
        #[key]
        account: u32,
        cents: i64,
    }
    #[derive(ReadModel, Debug, Clone)]
    #[read_model(table = "plain")]
    struct After {
        #[key]
        account: u32,
        #[index]
        cents: i64,
    }
    macro_rules! projection {
        ($name:ident, $row:ident) => {
            struct $name;
            impl Projection for $name {
                type Event = AccountEvent;
                type Row = $row;
                const NAME: &str = "plain";
                const VERSION: u32 = 1;
                fn keys(&self, event: &Recorded<AccountEvent>) -> Keys<u32> {
                    event.aggregate_id().into()
                }
                fn fold(&self, account: &u32, row: &mut Option<$row>, _: &Recorded<AccountEvent>) {
                    row.get_or_insert($row { account: *account, cents: 0 }).cents += 1;
                }
            }
        };
    }
    projection!(Old, Before);
    projection!(New, After);

    let (store, directory) = sqlite().await;
    let old = Annals::on(store.clone()).project(Old).start().await.unwrap();
    deposits(&old, 20).await;
    old.shutdown().await;
    let new = Annals::on(store.clone()).project(New).start().await.unwrap();
    new.wait_for(new.log().head().await.unwrap(), Duration::from_secs(10)).await.unwrap();
    assert_eq!(new.read::<After>().filter(After::CENTS.equals(2)).count().await.unwrap(), 20);
    let raw = rusqlite::Connection::open(directory.path().join("rebuild.db")).unwrap();
    let index: String = raw
        .query_row("SELECT name FROM sqlite_schema WHERE type = 'index' AND tbl_name LIKE 'plain%' AND name LIKE '%cents'", [], |row| row.get(0))
        .unwrap();
    assert_eq!(index, "plain__1__cents");
}

#[tokio::test]
async fn what_is_not_started_cannot_be_rebuilt_or_waited_for() {
    let annals = Annals::on(MemoryStore::default()).start().await.unwrap();
    let error = annals.rebuild::<Balances>().await.unwrap_err();
    assert!(error.to_string().contains("`balances` is not started"), "{error}");
    let receipt = annals.execute(&1, |account: &Account| account.deposit(1)).await.unwrap();
    let error = annals.read::<Balance>().after(receipt.position).get(&1).await.unwrap_err();
    assert!(error.to_string().contains("add it with `project`"), "{error}");
}
