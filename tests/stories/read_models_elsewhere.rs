//! Read models in another store than the events: their rows, checkpoints and all that is remembered of
//! them stand there, over restarts and rebuilds.

use std::time::Duration;

use annals::store::{CheckpointStore, EventStore, TransactExt};
use annals::{Annals, Builder, ErrorKind, SqliteStore};
use annals_tests::bank::{Account, Balance, Balances};
use tempfile::TempDir;

use crate::postgres::place::Place;

const SECONDS: Duration = Duration::from_secs(20);

/// Where the events are, and where the rows.
struct Apart {
    directory: TempDir,
    rows: String,
}

impl Apart {
    fn events(&self) -> String {
        format!("sqlite://{}", self.directory.path().join("events.db").display())
    }

    async fn program(&self) -> Builder {
        let events = Annals::open(&self.events()).await.expect("it opens");
        events.read_models(&self.rows).await.expect("it opens")
    }
}

/// Deposits a cent each to the accounts from 0 on.
async fn deposit(annals: &Annals, accounts: std::ops::Range<u64>) {
    for account in accounts {
        let deposit = |account: &Account| account.deposit(1);
        let receipt = annals.execute(&account, deposit).await.expect("it is deposited");
        annals.wait_for(receipt.position, SECONDS).await.expect("the projection follows");
    }
}

async fn cents(annals: &Annals) -> Vec<i64> {
    let rows = annals.read::<Balance>().all().await.expect("the rows can be read");
    rows.iter().map(|row| row.cents).collect()
}

async fn story(apart: Apart) {
    let annals = apart.program().await.project(Balances).start().await.expect("it starts");
    deposit(&annals, 0..5).await;
    assert_eq!(cents(&annals).await, [1; 5]);
    annals.shutdown().await;
    drop(annals);

    // Goes on where it stood.
    let annals = apart.program().await.project(Balances).start().await.expect("it starts again");
    deposit(&annals, 0..7).await;
    assert_eq!(cents(&annals).await, [2, 2, 2, 2, 2, 1, 1]);

    // Somebody spoils a row; a rebuild makes it anew, and goes on with what comes.
    let spoilt = annals.stores().work().transact_with(|transaction| {
        Box::pin(async move { transaction.execute("UPDATE balances__1 SET cents = 0", &[]).await })
    });
    spoilt.await.expect("rows are where they should be");
    assert_eq!(cents(&annals).await, [0; 7]);
    let rebuilt = annals.rebuild::<Balances>().await.expect("it is rebuilt");
    assert!(rebuilt.done);
    assert_eq!(cents(&annals).await, [2, 2, 2, 2, 2, 1, 1]);
    deposit(&annals, 5..8).await;
    assert_eq!(cents(&annals).await, [2, 2, 2, 2, 2, 2, 2, 1]);
    let status = annals.status().await.expect("it can be asked for").remove(0);
    assert_eq!((status.lag_events, status.position), (0, status.head));
    annals.shutdown().await;
    drop(annals);

    // Nothing of it stands beside the events.
    let events =
        SqliteStore::open(apart.directory.path().join("events.db")).await.expect("a store");
    assert_eq!(events.head().await.expect("a head").get(), 8 + 15);
    for generation in 1..4 {
        let name = format!("projection/balances/{generation}");
        assert_eq!(events.checkpoint(&name).await.expect("checkpoints can be read"), None);
    }

    let inline = apart.program().await.project_inline(Balances).start().await;
    let refused = inline.map(drop).expect_err("no transaction spans two stores");
    assert_eq!(refused.kind(), ErrorKind::Invalid);
    let said = refused.to_string();
    assert!(said.contains("`balances` is inline") && said.contains("another store"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_files() {
    let directory = tempfile::tempdir().expect("there is room");
    let rows = format!("sqlite://{}", directory.path().join("rows.db").display());
    story(Apart { directory, rows }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_and_a_server() {
    let place = Place::shared().await;
    let rows = format!("{}?schema={}&pool=4", place.url, place.schema);
    let directory = tempfile::tempdir().expect("there is room");
    story(Apart { directory, rows }).await;
}
