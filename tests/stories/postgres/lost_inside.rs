//! The runtime that the appender lives on is shut down while an append of another one waits. Nobody can
//! know what became of it, and that is what it is told.

use std::time::Duration;

use annals::ExpectedVersion;
use annals::store::{Append, EventStore, StoreError};
use annals::{NewEvent, Payload};
use annals_tests::ledger::whole_log;
use annals_tests::writer::stream;

use super::place::{Place, open};

const PATIENCE: Duration = Duration::from_secs(60);

fn append() -> Append {
    let event = NewEvent::raw("order.placed", 1, Payload::from_stored("{}"));
    Append::to(stream("order", "1"), ExpectedVersion::Any, vec![event])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reply_that_nobody_sends_is_no_refusal() {
    tokio::time::timeout(PATIENCE, story()).await.expect("nobody waits for ever");
}

async fn story() {
    let place = Place::shared().await;
    let elsewhere = tokio::runtime::Runtime::new().expect("a runtime can be started");
    let options = place.options();
    let store = elsewhere.spawn(open(options)).await.expect("no panic");
    let client = place.client().await;
    place.lock_log(&client).await;
    let waiting = append();
    let appending = tokio::spawn({
        let (store, waiting) = (store.clone(), waiting.clone());
        async move { store.append(waiting).await }
    });
    // It is the first, so it is the appender that sends it.
    let waits = "SELECT EXISTS (SELECT FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
                 WHERE l.locktype = 'advisory' AND NOT l.granted AND a.query LIKE '%' || $1 || '%')";
    // On another session: one transaction sees the activity of one moment.
    let watching = place.client().await;
    let is_waiting = async || -> bool {
        let answer = watching.query_one(waits, &[&place.schema]).await;
        answer.expect("locks can be seen").get(0)
    };
    while !is_waiting().await {}
    elsewhere.shutdown_background();
    let error = appending.await.expect("no panic").expect_err("nobody is there to commit it");
    assert!(matches!(error, StoreError::OutcomeUnknown { .. }), "{error:?}");

    client.batch_execute("COMMIT").await.expect("it was only idle");
    let afresh = place.store().await;
    afresh.append(waiting).await.expect("the same append is safe to repeat");
    assert_eq!(whole_log(&*afresh).await.len(), 1);
}
