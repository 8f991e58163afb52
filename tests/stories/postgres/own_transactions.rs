//! Appends inside a transaction of the user's, and what happens to those who wait behind it.

use std::time::Duration;

use annals::ExpectedVersion;
use annals::store::{Append, EventStore, StoreError};
use annals::{NewEvent, Payload};
use annals_tests::ledger::whole_log;
use annals_tests::writer::stream;
use tokio_postgres::IsolationLevel;

use super::place::{Place, open};

fn append(expected: ExpectedVersion) -> Append {
    let event = NewEvent::raw("order.placed", 1, Payload::from_stored("{}"));
    Append::to(stream("order", "1"), expected, vec![event])
}

/// Its rows and the events are there together, or not at all.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_and_events_commit_together() {
    let place = Place::shared().await;
    let store = place.store().await;
    let mut client = place.client().await;
    let invoices = place.name("invoices");
    client.batch_execute(&format!("CREATE TABLE {invoices} (n int)")).await.expect("a new table");
    for (n, commit) in [(1, true), (2, false), (3, true)] {
        let transaction = client.transaction().await.expect("the server is there");
        transaction.batch_execute(&format!("INSERT INTO {invoices} VALUES ({n})")).await.unwrap();
        let appended = store.append_within(&transaction, append(ExpectedVersion::Any)).await;
        appended.expect("nothing is expected");
        // A conflict is told, and leaves the transaction as it was.
        let refused = store.append_within(&transaction, append(ExpectedVersion::NoStream)).await;
        assert!(matches!(refused, Err(StoreError::Conflict { .. })), "{refused:?}");
        if commit {
            transaction.commit().await.expect("it can be committed");
        } else {
            transaction.rollback().await.expect("it can be rolled back");
        }
    }
    let rows = client.query(&format!("SELECT n FROM {invoices} ORDER BY n"), &[]).await.unwrap();
    let rows: Vec<i32> = rows.iter().map(|row| row.get(0)).collect();
    assert_eq!(rows, [1, 3]);
    let log = whole_log(&*store).await;
    assert_eq!(log.iter().map(|event| event.position.get()).collect::<Vec<_>>(), [1, 2]);
}

/// Who waits too long is told for whom.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_holder_of_the_lock_is_named() {
    let place = Place::shared().await;
    let impatient = place.options().lock_timeout(Duration::from_millis(300));
    let store = open(impatient).await;
    let mut client = place.client().await;
    client.batch_execute("SET application_name = 'monthly report'").await.unwrap();
    let pid: i32 = client.query_one("SELECT pg_backend_pid()", &[]).await.unwrap().get(0);
    let transaction = client.transaction().await.expect("the server is there");
    let first = store.append_within(&transaction, append(ExpectedVersion::NoStream)).await;
    first.expect("nobody else appends");
    for _ in 0..2 {
        let error = store.append(append(ExpectedVersion::Any)).await.expect_err("it is locked");
        assert!(matches!(error, StoreError::Locked { .. }), "{error:?}");
        let text = error.to_string();
        assert!(text.contains(&format!("process {pid}")), "{text}");
        assert!(text.contains("monthly report"), "{text}");
    }
    transaction.rollback().await.expect("it can be rolled back");
    let appended = store.append(append(ExpectedVersion::NoStream)).await;
    assert_eq!(appended.expect("the lock is free again").position.get(), 1);
}

/// One that has its snapshot already would not see what was appended while it waited.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transaction_with_one_snapshot_is_refused() {
    let place = Place::shared().await;
    let store = place.store().await;
    let mut client = place.client().await;
    for level in [IsolationLevel::RepeatableRead, IsolationLevel::Serializable] {
        let transaction = client.build_transaction().isolation_level(level).start().await;
        let transaction = transaction.expect("the server is there");
        let refused = store.append_within(&transaction, append(ExpectedVersion::Any)).await;
        let said = refused.expect_err("it cannot see the end of the log").to_string();
        assert!(said.contains("READ COMMITTED"), "{said}");
        // It has not locked anybody out.
        store.append(append(ExpectedVersion::Any)).await.expect("the log is free");
        transaction.rollback().await.expect("it can be rolled back");
    }
    assert_eq!(whole_log(&*store).await.len(), 2);
}
