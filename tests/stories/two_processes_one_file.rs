//! Two processes write to one SQLite file while a third follows the log: nothing is missing,
//! nothing doubled, nothing out of order (I2).

use std::time::Duration;

use annals::store::{EventStore, LogFilter};
use annals::{Annals, Position, SqliteStore};
use annals_tests::bank::{Balance, Balances};

use crate::child::Victim;

const DEPOSITS: u64 = 200;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_follower_misses_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("shared.db");
    let store = SqliteStore::open(&file).await.unwrap();
    let annals = Annals::on(store.clone()).project(Balances).start().await.unwrap();

    let count = DEPOSITS.to_string();
    let writers = ["0", "5"].map(|first| Victim::start(&["write", first, &count], &file));
    // Each account is opened once, beside its deposits.
    let expected = 2 * DEPOSITS + 10;
    let mut subscription = annals.subscribe(LogFilter::default(), Position::START);
    let mut seen = 0;
    while seen < expected {
        let page = tokio::time::timeout(Duration::from_secs(60), subscription.next()).await;
        for event in page.expect("the writers go on").unwrap().events {
            seen += 1;
            assert_eq!(event.position.get(), seen, "dense, in order, once");
        }
    }
    tokio::task::spawn_blocking(|| writers.into_iter().for_each(Victim::join)).await.unwrap();
    let head = store.head().await.unwrap();
    assert_eq!(head.get(), expected);

    // All three processes kept the same read model: each event counts once all the same.
    annals.wait_for(head, Duration::from_secs(30)).await.unwrap();
    let rows = annals.read::<Balance>().list().await.unwrap();
    assert_eq!(rows.len(), 10);
    for row in rows {
        assert_eq!((row.cents, row.events), (40, 41), "{row:?}");
    }
}
