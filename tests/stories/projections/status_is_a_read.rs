//! Whoever looks how projections are doing waits for nobody who writes.

use std::time::Duration;

use annals::{Annals, SqliteOptions, SqliteStore, ops};

use crate::homes::{counter, deposit};

counter!(looked_at: "looked_at", "looked_at", version 1, n += 1);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_somebody_else_writes() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("status.db");
    let store = SqliteStore::open_with(SqliteOptions::new(&file)).await.unwrap();
    let annals = Annals::on(store.clone()).project(looked_at::P).start().await.unwrap();
    let last = deposit(&annals, 1, 3).await;
    annals.wait_for(last, Duration::from_secs(20)).await.unwrap();

    let mut other = rusqlite::Connection::open(&file).unwrap();
    let locked = other.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate).unwrap();
    let look = async {
        let status = annals.status().await.unwrap().remove(0);
        assert_eq!((status.position, status.lag_events), (last, 0));
        assert!(ops::members(&store).await.unwrap()[0].alive);
        assert_eq!(ops::consumers(&store).await.unwrap().len(), 1);
    };
    tokio::time::timeout(Duration::from_secs(2), look).await.expect("it waits for no writer");
    locked.rollback().unwrap();
    annals.shutdown().await;
}
