//! The file of an open store is deleted, or another is put in its place: nothing that is written from
//! then on would be found again, so nothing is acknowledged.

use std::path::Path;
use std::time::Duration;

use annals::store::{Append, EventStore, StoreError};
use annals::{ExpectedVersion, NewEvent, Payload, SqliteStore, StreamId};

const LIMIT: Duration = Duration::from_secs(60);

async fn append(store: &SqliteStore) -> Result<(), StoreError> {
    let event = NewEvent::raw("order.placed", 1, Payload::parse("{}").unwrap());
    let stream = StreamId::new("order", 1).unwrap();
    store.append(Append::to(stream, ExpectedVersion::Any, vec![event])).await.map(drop)
}

/// The store looks now and then: it refuses after a while, and says why.
async fn is_noticed(store: &SqliteStore) {
    let noticed = async {
        loop {
            match append(store).await {
                Ok(()) => tokio::task::yield_now().await,
                Err(error) => return error,
            }
        }
    };
    let error = tokio::time::timeout(LIMIT, noticed).await.expect("it is noticed");
    assert!(matches!(error, StoreError::ReadOnly { .. }), "{error:?}");
    assert!(error.to_string().contains("store.db") && error.to_string().contains("deleted"));
    assert!(!error.is_transient() && !error.may_have_written());
    let read = store.head().await.unwrap_err();
    assert!(matches!(read, StoreError::ReadOnly { .. }), "{read:?}");
}

async fn open(directory: &Path) -> SqliteStore {
    let store = SqliteStore::open(directory.join("store.db")).await.unwrap();
    append(&store).await.unwrap();
    store
}

#[tokio::test]
async fn a_file_that_is_deleted() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path()).await;
    std::fs::remove_file(directory.path().join("store.db")).unwrap();
    is_noticed(&store).await;
}

#[tokio::test]
async fn a_file_that_is_replaced_and_put_back() {
    let directory = tempfile::tempdir().unwrap();
    let (file, aside) = (directory.path().join("store.db"), directory.path().join("aside.db"));
    let store = open(directory.path()).await;
    std::fs::rename(&file, &aside).unwrap();
    std::fs::copy(&aside, &file).unwrap();
    is_noticed(&store).await;
    std::fs::rename(&aside, &file).unwrap();
    append(&store).await.unwrap();
}
