//! Too few connections, statements that take too long, and a log that somebody keeps locked.

use std::sync::Arc;
use std::time::Duration;

use annals::ExpectedVersion;
use annals::store::{EventStore, StoreError, StreamQuery, TransactExt};
use annals_tests::ledger::whole_log;
use annals_tests::writer::stream;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::super::crowd::PATIENCE;
use super::super::place::{Place, open};
use super::append;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_readers_share_two_connections() {
    let place = Place::shared().await;
    let store = open(place.options().pool(2)).await;
    let mut tasks = JoinSet::new();
    for number in 0..64 {
        let store = store.clone();
        tasks.spawn(async move {
            let id = number.to_string();
            store.append(append(&id, ExpectedVersion::NoStream, "{}")).await.expect("it is new");
            let query = StreamQuery::all(stream("account", &id));
            assert_eq!(store.read_stream(&query).await.expect("it waits its turn").len(), 1);
            whole_log(&*store).await;
        });
    }
    let all = async {
        while let Some(ended) = tasks.join_next().await {
            ended.expect("no panic")
        }
    };
    tokio::time::timeout(PATIENCE, all).await.expect("nobody waits for ever");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_exhausted_pool_says_so() {
    let place = Place::shared().await;
    let store = open(place.options().pool(2).pool_timeout(Duration::from_millis(100))).await;
    let (inside, go) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let mut holders = JoinSet::new();
    for number in 0..2 {
        let (store, inside, go) = (store.clone(), inside.clone(), go.clone());
        holders.spawn(async move {
            let work = store.transact_with(move |transaction| {
                let (inside, go) = (inside.clone(), go.clone());
                Box::pin(async move {
                    transaction.put_state(&format!("k{number}"), "held").await?;
                    inside.add_permits(1);
                    go.acquire().await.expect("it is never closed").forget();
                    Ok(())
                })
            });
            work.await
        });
    }
    let _both = inside.acquire_many(2).await.expect("both hold a connection");

    let query = StreamQuery::all(stream("account", "1"));
    let refused = store.read_stream(&query).await.expect_err("there is no connection");
    assert!(matches!(refused, StoreError::Overloaded { option: "pool", .. }), "{refused:?}");
    // The appender has a connection of its own.
    store.append(append("1", ExpectedVersion::Any, "{}")).await.expect("it is not hindered");

    go.add_permits(2);
    while let Some(ended) = holders.join_next().await {
        ended.expect("no panic").expect("the work was only slow");
    }
    assert_eq!(store.read_stream(&query).await.expect("there is a connection again").len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_statement_ends() {
    let place = Place::shared().await;
    let options = place.options().statement_timeout(Duration::from_millis(300));
    let store = open(options).await;
    let slow = store.transact_with(|transaction| {
        Box::pin(async { transaction.query("SELECT pg_sleep(60)::text", &[]).await })
    });
    let ended = tokio::time::timeout(PATIENCE, slow).await.expect("it ends");
    let error = ended.expect_err("it takes too long");
    assert!(matches!(error, StoreError::TimedOut { .. }), "{error:?}");
    assert!(error.to_string().contains("statement_timeout"), "it names the way out: {error}");
    store.append(append("1", ExpectedVersion::Any, "{}")).await.expect("the store works");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_keeps_the_log_locked_is_named() {
    let place = Place::shared().await;
    let store = open(place.options().lock_timeout(Duration::from_millis(300))).await;
    let client = place.client().await;
    client.batch_execute("SET application_name = 'sleepy'").await.expect("a name can be taken");
    place.lock_log(&client).await;

    let event = append("1", ExpectedVersion::NoStream, "{}");
    let error = store.append(event.clone()).await.expect_err("somebody has the log locked");
    assert!(matches!(error, StoreError::Locked { .. }), "{error:?}");
    assert!(error.to_string().contains("sleepy"), "it says who: {error}");
    // Readers are not hindered.
    assert_eq!(whole_log(&*store).await.len(), 0);

    client.batch_execute("COMMIT").await.expect("it was only idle");
    let appended = store.append(event).await.expect("nobody has it locked");
    assert!(!appended.repeated, "the first try wrote nothing");
}
