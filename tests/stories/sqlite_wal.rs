//! The write-ahead log beside readers that overlap: SQLite alone never finds a moment to begin it
//! anew, and it grows for ever. Past its limit the store makes such a moment.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use annals::store::{Append, EventStore, LogQuery};
use annals::{
    ExpectedVersion, NewEvent, Payload, Position, SqliteOptions, SqliteStore, StreamId, Synchronous,
};

const LIMIT: Duration = Duration::from_secs(100);
const WAL_BYTES: u64 = 1 << 20;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_is_cut_beside_overlapping_readers() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("store.db");
    let options = SqliteOptions::new(&file).synchronous(Synchronous::Normal).wal_bytes(WAL_BYTES);
    let store = SqliteStore::open_with(options).await.unwrap();
    let ended = Arc::new(AtomicBool::new(false));
    let readers: Vec<_> = (0..4)
        .map(|_| {
            let (store, ended) = (store.clone(), ended.clone());
            tokio::spawn(async move {
                while !ended.load(Ordering::Relaxed) {
                    let page = store.read_log(&LogQuery::after(Position::START)).await.unwrap();
                    assert!(page.events.iter().zip(1..).all(|(e, n)| e.position.get() == n));
                }
            })
        })
        .collect();
    let length = || std::fs::metadata(directory.path().join("store.db-wal")).unwrap().len();
    let story = async {
        // It passes the limit, and later it is shorter: twice.
        for _ in 0..2 {
            let mut longest = 0;
            loop {
                append(&store).await;
                let now = length();
                if longest > WAL_BYTES && now < longest {
                    break;
                }
                longest = longest.max(now);
            }
        }
    };
    tokio::time::timeout(LIMIT, story).await.expect("the log is begun anew");
    ended.store(true, Ordering::Relaxed);
    for reader in readers {
        reader.await.unwrap();
    }
}

async fn append(store: &SqliteStore) {
    let payload = Payload::parse(format!("\"{}\"", "x".repeat(20_000))).unwrap();
    let event = NewEvent::raw("order.placed", 1, payload);
    let stream = StreamId::new("order", 1).unwrap();
    store.append(Append::to(stream, ExpectedVersion::Any, vec![event])).await.unwrap();
}
