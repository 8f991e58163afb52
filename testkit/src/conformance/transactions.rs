//! I4: what a transaction does commits at once, or nothing does.

use std::time::Duration;

use annals_core::store::{Append, LogQuery, Store, StoreError, TransactExt, Transaction};
use annals_core::table::Value;
use annals_core::{Clock, Position, RecordedEvent};

use super::Subject;
use super::samples::{append, assert_invalid, put};
use super::tables::samples::{accounts, create, row, upsert};

async fn found(store: &dyn Store, keys: std::ops::Range<i64>) -> usize {
    let keys: Vec<_> = keys.map(|n| vec![Value::Integer(n)]).collect();
    store.load_rows(&accounts(), &keys).await.expect("the table is there").len()
}

/// Rows, checkpoints, states, tables and views it has just written; the log as it stands.
pub async fn a_transaction_sees_its_own_writes(subject: Subject) {
    put(&*subject.store, "account-1", 2).await;
    let log: Vec<RecordedEvent> = subject
        .store
        .transact_with(|transaction| {
            Box::pin(async {
                transaction.create_table(&accounts()).await?;
                transaction.upsert_rows(&accounts(), &[row(1, "ann"), row(2, "bob")]).await?;
                transaction.enqueue_rows(&accounts(), &[row(1, "eve")]).await?;
                transaction.delete_rows(&accounts(), &[vec![Value::Integer(2)]]).await?;
                let keys = [vec![Value::Integer(1)], vec![Value::Integer(2)]];
                assert_eq!(transaction.load_rows(&accounts(), &keys).await?, [row(1, "eve")]);
                transaction.point_view("shown", &accounts()).await?;
                let view = accounts().named("shown");
                assert_eq!(transaction.load_rows(&view, &keys).await?, [row(1, "eve")]);
                transaction.put_state("s", "one").await?;
                transaction.put_state("s", "two").await?;
                assert_eq!(transaction.state("s").await?.as_deref(), Some("two"));
                assert_eq!(transaction.state("other").await?, None);
                Ok(transaction.read_log(&LogQuery::after(Position::START)).await?.events)
            })
        })
        .await
        .expect("the work agrees");
    assert_eq!(log, super::samples::log(&*subject.store).await);
}

/// A reader beside an open transaction sees what was committed before, or waits.
pub async fn nothing_is_visible_before_the_commit(subject: Subject) {
    create(&*subject.store, &accounts()).await;
    let reader = tokio::spawn({
        let store = subject.store.clone();
        async move {
            loop {
                let rows = found(&*store, 0..20).await;
                assert!(rows == 0 || rows == 20, "a reader saw {rows} of 20 rows");
                if rows == 20 {
                    return;
                }
                tokio::task::yield_now().await;
            }
        }
    });
    subject
        .store
        .transact_with(|transaction| Box::pin(write_rows(transaction, 20)))
        .await
        .expect("the work agrees");
    reader.await.expect("the reader saw all or nothing");
}

/// Tables, rows, views, states and checkpoints go together.
pub async fn an_error_leaves_nothing(subject: Subject) {
    let store = &*subject.store;
    create(store, &accounts()).await;
    put_rows(store, 1).await;
    let failed = store
        .transact_with(|transaction| {
            Box::pin(async {
                let other = accounts().named("others");
                transaction.create_table(&other).await?;
                transaction.upsert_rows(&other, &[row(1, "ann")]).await?;
                transaction.upsert_rows(&accounts(), &[row(0, "eve"), row(7, "eve")]).await?;
                transaction.delete_rows(&accounts(), &[vec![Value::Integer(0)]]).await?;
                transaction.point_view("shown", &other).await?;
                transaction.put_state("s", "on").await?;
                transaction.set_checkpoint("c", Position::new(1)).await?;
                transaction.drop_table("accounts").await?;
                Err::<(), _>(StoreError::refused("the work says no"))
            })
        })
        .await;
    assert!(matches!(failed, Err(StoreError::Refused { .. })), "{failed:?}");
    for gone in ["others", "shown"] {
        let rows = store.load_rows(&accounts().named(gone), &[vec![Value::Integer(1)]]).await;
        assert!(matches!(rows, Err(StoreError::NoSuchTable { .. })), "{gone}: {rows:?}");
    }
    let kept = store.load_rows(&accounts(), &[vec![Value::Integer(0)]]).await;
    assert_eq!(kept.expect("the table is there"), [row(0, "ann")]);
    assert_eq!(found(store, 0..10).await, 1);
    assert_eq!(store.state("s").await.expect("states can be read"), None);
    assert_eq!(store.checkpoint("c").await.expect("checkpoints can be read"), None);
}

/// Unchanged: the caller decides by it.
pub async fn the_error_of_the_work_comes_back(subject: Subject) {
    let failed = subject
        .store
        .transact_with(|_| {
            Box::pin(async {
                let from = Position::new(3);
                Err::<(), _>(StoreError::Fenced { name: "mine".to_owned(), token: 7, from })
            })
        })
        .await;
    match failed {
        Err(StoreError::Fenced { name, token, from }) => {
            assert_eq!((name.as_str(), token, from.get()), ("mine", 7, 3))
        }
        other => panic!("the work's error was due, not {other:?}"),
    }
}

/// Never `Ok` and gone: one failure ends the transaction, whatever the database would forgive.
pub async fn work_that_ignores_a_failure_is_refused(subject: Subject) {
    let store = &*subject.store;
    create(store, &accounts()).await;
    let refused = store
        .transact_with(|transaction| {
            Box::pin(async {
                transaction.upsert_rows(&accounts(), &[row(1, "ann")]).await?;
                transaction.set_checkpoint("c", Position::new(7)).await?;
                assert!(fail(transaction).await.is_err(), "there is no such table");
                Ok(())
            })
        })
        .await;
    assert_over(refused);
    assert_eq!(found(store, 0..10).await, 0);
    assert_eq!(store.checkpoint("c").await.expect("checkpoints can be read"), None);
    // Whoever comes next finds the store as it was before.
    for _ in 0..4 {
        put_rows(store, 1).await;
    }
    assert_eq!(found(store, 0..10).await, 1);
}

/// What is asked for after a failure is refused with that failure, and nothing of it is written.
pub async fn the_first_failure_is_the_one_reported(subject: Subject) {
    let store = &*subject.store;
    create(store, &accounts()).await;
    let refused = store
        .transact_with(|transaction| {
            Box::pin(async {
                if fail(transaction).await.is_err() {
                    transaction.upsert_rows(&accounts(), &[row(1, "ann")]).await?;
                }
                Ok(())
            })
        })
        .await;
    assert_over(refused);
    assert_eq!(found(store, 0..10).await, 0);
}

async fn fail(transaction: &mut dyn Transaction) -> Result<(), StoreError> {
    transaction.upsert_rows(&accounts().named("nowhere"), &[row(1, "ann")]).await
}

#[track_caller]
fn assert_over(refused: Result<(), StoreError>) {
    let error = refused.expect_err("the transaction was over");
    let StoreError::TransactionOver { first } = &error else {
        panic!("the end of the transaction was due, not {error:?}");
    };
    assert!(matches!(**first, StoreError::NoSuchTable { .. }), "{first:?}");
    let text = error.to_string();
    assert!(text.contains("nowhere") && text.contains("ON CONFLICT"), "{text}");
}

/// Whoever drops the future in the middle finds all of it or nothing.
pub async fn a_dropped_transaction_is_whole_or_absent(subject: Subject) {
    let store = &*subject.store;
    create(store, &accounts()).await;
    let dropped = store.transact_with(|transaction| Box::pin(write_rows(transaction, 20)));
    // Polls as far as the first pause, then drops.
    let _ = tokio::time::timeout(Duration::ZERO, dropped).await;
    // A store may still be at it; what comes later waits behind it.
    upsert(store, &accounts(), vec![row(100, "bob")]).await;
    let rows = found(store, 0..20).await;
    assert!(rows == 0 || rows == 20, "{rows} of 20 rows are there");
}

/// Reading and writing in one transaction is safe against others that do the same.
pub async fn transactions_do_not_lose_updates(subject: Subject) {
    let workers: Vec<_> = (0..8)
        .map(|_| {
            let store = subject.store.clone();
            tokio::spawn(async move {
                for _ in 0..10 {
                    store
                        .transact_with(|transaction| {
                            Box::pin(async {
                                let count = transaction.checkpoint("count").await?;
                                let next = Position::new(count.unwrap_or_default().get() + 1);
                                transaction.set_checkpoint("count", next).await
                            })
                        })
                        .await
                        .expect("the work agrees");
                }
            })
        })
        .collect();
    for worker in workers {
        worker.await.expect("no transaction fails");
    }
    let count = subject.store.checkpoint("count").await.expect("checkpoints can be read");
    assert_eq!(count, Some(Position::new(80)));
}

/// It would wait for itself: refused at once, in the same words everywhere, and nothing is left behind.
pub async fn calls_from_inside_are_refused(subject: Subject) {
    let inner = subject.store.clone();
    let said = subject.store.transact_with(move |transaction| {
        let store = inner.clone();
        Box::pin(async move {
            transaction.put_state("s", "on").await?;
            let append = store.append(append("account-1", 1)).await;
            let import = store.append_bulk(vec![append_one()]).await.remove(0);
            let nested = store.transact_with(|_| Box::pin(async { Ok(()) })).await;
            let apart = store.transact_apart_with(|_| Box::pin(async { Ok(()) })).await;
            Ok([append.map(drop), import.map(drop), nested, apart])
        })
    });
    for refused in said.await.expect("the work agrees") {
        let message = refused.as_ref().expect_err("it is called from inside").to_string();
        assert!(message.contains("wait for its own transaction"), "{message}");
        assert_invalid(refused);
    }
    // The store stands, and takes what is called from outside.
    assert_eq!(put(&*subject.store, "account-1", 1).await.position, Position::new(1));
    let state = subject.store.state("s").await.expect("states can be read");
    assert_eq!(state.as_deref(), Some("on"));
}

fn append_one() -> Append {
    append("account-1", 1)
}

/// As those of the store are, to the microsecond; not of the process that asks.
pub async fn the_time_is_that_of_the_store(subject: Subject) {
    let now = async || {
        let now = subject.store.transact_with(|transaction| transaction.now());
        let now = now.await.expect("the time can be asked for");
        assert_eq!(subject.store.now().await.expect("and outside of a transaction"), now);
        now
    };
    assert_eq!(now().await, annals_core::cut_time(subject.clock.now()));
    subject.clock.advance(Duration::from_secs(90));
    assert_eq!(now().await, annals_core::cut_time(subject.clock.now()));
}

/// What is done apart is done as well, also while another transaction is at work elsewhere.
pub async fn a_transaction_apart_is_one(subject: Subject) {
    let store = &*subject.store;
    let apart = store.transact_apart_with(|transaction| {
        Box::pin(async {
            transaction.put_state("s", "on").await?;
            transaction.state("s").await
        })
    });
    assert_eq!(apart.await.expect("the work agrees").as_deref(), Some("on"));
    let failed = store.transact_apart_with(|transaction| {
        Box::pin(async {
            transaction.put_state("s", "off").await?;
            Err::<(), _>(StoreError::refused("the work says no"))
        })
    });
    assert!(matches!(failed.await, Err(StoreError::Refused { .. })));
    assert_eq!(store.state("s").await.expect("states can be read").as_deref(), Some("on"));
}

/// Timers, tasks and threads, in the runtime of the caller.
pub async fn work_can_use_tokio(subject: Subject) {
    let sum = subject.store.transact_with(|transaction| {
        Box::pin(async {
            tokio::time::sleep(Duration::from_millis(1)).await;
            let task = tokio::spawn(async { 2 }).await.expect("the task ends");
            let thread = tokio::task::spawn_blocking(|| 3).await.expect("the thread ends");
            transaction.put_state("s", "on").await?;
            Ok(task + thread)
        })
    });
    assert_eq!(sum.await.expect("the work agrees"), 5);
    let state = subject.store.state("s").await.expect("states can be read");
    assert_eq!(state.as_deref(), Some("on"));
}

/// Rows and states are as durable as events.
pub async fn state_survives_reopening(subject: Subject) {
    create(&*subject.store, &accounts()).await;
    put_rows(&*subject.store, 3).await;
    subject
        .store
        .transact_with(|transaction| {
            Box::pin(async {
                transaction.put_state("s", "on").await?;
                transaction.point_view("shown", &accounts()).await
            })
        })
        .await
        .expect("the work agrees");
    let Some(subject) = subject.reopen().await else { return };
    assert_eq!(found(&*subject.store, 0..10).await, 3);
    let view = accounts().named("shown");
    let shown = subject.store.load_rows(&view, &[vec![Value::Integer(2)]]).await;
    assert_eq!(shown.expect("the view is there"), [row(2, "ann")]);
    let state = subject.store.state("s").await.expect("states can be read");
    assert_eq!(state.as_deref(), Some("on"));
}

/// Writes rows one by one, with a pause after each.
async fn write_rows(transaction: &mut dyn Transaction, count: i64) -> Result<(), StoreError> {
    for n in 0..count {
        transaction.upsert_rows(&accounts(), &[row(n, "ann")]).await?;
        tokio::task::yield_now().await;
    }
    Ok(())
}

async fn put_rows(store: &dyn Store, count: i64) {
    store
        .transact_with(move |transaction| Box::pin(write_rows(transaction, count)))
        .await
        .expect("rows can be written");
}
