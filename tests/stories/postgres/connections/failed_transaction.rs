//! Transactions that fail late, or without their work noticing, and the next user of the connection.

use std::time::Duration;

use annals::Position;
use annals::store::{CheckpointStore, StateStore, StoreError, TransactExt};

use super::super::place::{Place, open};

/// A transaction that fails on the way to its `COMMIT` is rolled back before anybody else gets its
/// connection.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failed_commit_is_nobody_elses_trouble() {
    let place = Place::shared().await;
    let options = place.options().pool(1).lock_timeout(Duration::from_millis(200));
    let store = open(options).await;
    let set = async |first: u64| {
        let work = store.transact_with(move |transaction| {
            Box::pin(async move {
                transaction.set_checkpoint("first", Position::new(first)).await?;
                transaction.set_checkpoint("second", Position::new(1)).await
            })
        });
        work.await
    };
    set(1).await.expect("nobody has the row locked");
    let client = place.client().await;
    let checkpoints = place.name("checkpoints");
    let lock = format!("BEGIN; SELECT * FROM {checkpoints} WHERE name = 'first' FOR UPDATE");
    client.batch_execute(&lock).await.expect("the row can be locked");

    let refused = set(2).await.expect_err("the row is locked");
    assert!(matches!(refused, StoreError::Locked { .. }), "{refused:?}");
    // There is only the one connection.
    for _ in 0..3 {
        let first = store.checkpoint("first").await.expect("the connection is good");
        assert_eq!(first, Some(Position::new(1)));
    }

    client.batch_execute("COMMIT").await.expect("it was only idle");
    set(3).await.expect("nobody has the row locked");
    let first = store.checkpoint("first").await.expect("the connection is good");
    assert_eq!(first, Some(Position::new(3)));
}

/// Work that does not wait for the end of a statement does not know whether it failed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_statement_dropped_in_the_middle_ends_its_transaction() {
    let place = Place::shared().await;
    let store = open(place.options().pool(1)).await;
    let refused = store
        .transact_with(|transaction| {
            Box::pin(async {
                transaction.put_state("k", "done").await?;
                let slow = transaction.query("SELECT 1 / length(pg_sleep(1)::text)", &[]);
                // Polls, and so sends it, and goes on without the answer.
                let dropped = tokio::time::timeout(Duration::ZERO, slow).await;
                assert!(dropped.is_err(), "it takes a while");
                Ok(())
            })
        })
        .await;
    assert!(matches!(refused, Err(StoreError::TransactionOver { .. })), "{refused:?}");
    assert_eq!(store.state("k").await.expect("the connection is good"), None);
}
