//! Work inside a transaction that waits for what never comes: it is given up after a time, and the
//! only writer goes on.

use std::future::pending;
use std::time::Duration;

use annals::store::{Append, EventStore, StoreError, TransactExt};
use annals::{ExpectedVersion, NewEvent, Payload, Position, SqliteOptions, SqliteStore, StreamId};

const LIMIT: Duration = Duration::from_secs(60);

fn placed(order: u64) -> Append {
    let event = NewEvent::raw("order.placed", 1, Payload::parse("{}").unwrap());
    Append::to(StreamId::new("order", order).unwrap(), ExpectedVersion::Any, vec![event])
}

async fn impatient_store() -> (tempfile::TempDir, SqliteStore) {
    let directory = tempfile::tempdir().unwrap();
    let options = SqliteOptions::new(directory.path().join("store.db"));
    let store = SqliteStore::open_with(options.work_timeout(Duration::from_millis(50))).await;
    (directory, store.unwrap())
}

fn gave_up(result: Result<(), StoreError>) {
    let error = result.unwrap_err();
    assert!(matches!(error, StoreError::TookTooLong { .. }), "{error:?}");
    assert!(error.to_string().contains("work_timeout") && error.is_transient(), "{error}");
}

#[tokio::test]
async fn work_that_never_ends() {
    let (_directory, store) = impatient_store().await;
    let story = async {
        let stuck = store.transact_with(|transaction| {
            Box::pin(async {
                transaction.put_state("s", "on").await?;
                pending::<()>().await;
                Ok(())
            })
        });
        let (stuck, appended) = tokio::join!(stuck, store.append(placed(1)));
        gave_up(stuck);
        assert_eq!(appended.unwrap().position, Position::new(1), "the writer goes on");
        let state = annals::store::StateStore::state(&store, "s").await.unwrap();
        assert_eq!(state, None, "what it wrote is taken back");
    };
    tokio::time::timeout(LIMIT, story).await.expect("nothing stands still");
}

/// From a task of its own the call is not known to come from inside.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn work_that_waits_for_a_task_that_appends() {
    let (_directory, store) = impatient_store().await;
    let story = async {
        let inner = store.clone();
        let stuck = store.transact_with(move |_| {
            let store = inner.clone();
            Box::pin(async move {
                tokio::spawn(async move { store.append(placed(1)).await }).await.unwrap()?;
                Ok(())
            })
        });
        gave_up(stuck.await);
        // The task went on, and so does everybody else.
        store.append(placed(2)).await.unwrap();
        while store.head().await.unwrap() < Position::new(2) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(LIMIT, story).await.expect("nothing stands still");
}
