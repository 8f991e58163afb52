//! Reading one stream.

use annals_core::StreamVersion;
use annals_core::store::{Store, StreamQuery};

use super::Subject;
use super::samples::{put, stream, versions};

const NOTHING: [u64; 0] = [];

async fn ask(store: &dyn Store, query: StreamQuery) -> Vec<u64> {
    let events = store.read_stream(&query).await.expect("a stream can be read");
    assert!(events.iter().all(|event| event.stream == query.stream));
    versions(&events)
}

fn account() -> StreamQuery {
    StreamQuery::all(stream("account-1"))
}

/// Five events, with those of another stream between them.
async fn prepare(store: &dyn Store) {
    for _ in 0..5 {
        put(store, "account-1", 1).await;
        put(store, "account-11", 1).await;
    }
}

/// Oldest first and newest first.
pub async fn both_directions(subject: Subject) {
    let store = &*subject.store;
    prepare(store).await;
    assert_eq!(ask(store, account()).await, [1, 2, 3, 4, 5]);
    assert_eq!(ask(store, account().backward()).await, [5, 4, 3, 2, 1]);
}

/// From a version, up to a version, both, and beyond the end.
pub async fn ranges(subject: Subject) {
    let store = &*subject.store;
    prepare(store).await;
    let version = StreamVersion::new;
    assert_eq!(ask(store, account().after(version(0))).await, [1, 2, 3, 4, 5]);
    assert_eq!(ask(store, account().after(version(3))).await, [4, 5]);
    assert_eq!(ask(store, account().up_to(version(2))).await, [1, 2]);
    assert_eq!(ask(store, account().after(version(1)).up_to(version(4))).await, [2, 3, 4]);
    let backward = account().after(version(1)).up_to(version(4)).backward();
    assert_eq!(ask(store, backward).await, [4, 3, 2]);
    assert_eq!(ask(store, account().after(version(5))).await, NOTHING);
    assert_eq!(ask(store, account().up_to(version(0))).await, NOTHING);
    assert_eq!(ask(store, account().after(version(4)).up_to(version(2))).await, NOTHING);
}

/// A page holds as many as asked for, from the end that was asked for.
pub async fn pages(subject: Subject) {
    let store = &*subject.store;
    prepare(store).await;
    assert_eq!(ask(store, account().limit(2)).await, [1, 2]);
    assert_eq!(ask(store, account().after(StreamVersion::new(2)).limit(2)).await, [3, 4]);
    assert_eq!(ask(store, account().after(StreamVersion::new(4)).limit(2)).await, [5]);
    assert_eq!(ask(store, account().backward().limit(2)).await, [5, 4]);
    let older = account().up_to(StreamVersion::new(3)).backward().limit(2);
    assert_eq!(ask(store, older).await, [3, 2]);
    assert_eq!(ask(store, account().limit(5)).await, [1, 2, 3, 4, 5]);
    assert_eq!(ask(store, account().limit(0)).await, NOTHING);
}

/// A stream nobody wrote to has no events, and that is no error.
pub async fn what_is_not_there_is_empty(subject: Subject) {
    let store = &*subject.store;
    assert_eq!(ask(store, account()).await, NOTHING);
    prepare(store).await;
    assert_eq!(ask(store, StreamQuery::all(stream("account-2"))).await, NOTHING);
    assert_eq!(ask(store, StreamQuery::all(stream("account-2")).backward()).await, NOTHING);
}

/// With the event that reaches them: never empty, and whoever reads on misses nothing.
pub async fn pages_end_at_their_bytes(subject: Subject) {
    let store = &*subject.store;
    // Seven bytes each.
    put(store, "account-1", 5).await;
    for (bytes, wanted) in [
        (0, vec![1]),
        (1, vec![1]),
        (7, vec![1]),
        (8, vec![1, 2]),
        (14, vec![1, 2]),
        (36, vec![1, 2, 3, 4, 5]),
    ] {
        let query = account().bytes(bytes);
        assert_eq!(ask(store, query.clone()).await, wanted, "{bytes}");
        let page = store.read_stream(&query).await.expect("a stream can be read");
        assert_eq!(query.ends_with(&page), bytes == 36, "{bytes}");
    }
    assert_eq!(ask(store, account().bytes(8).backward()).await, [5, 4]);
    let mut query = account().bytes(8).limit(3);
    let mut seen = Vec::new();
    loop {
        let page = store.read_stream(&query).await.expect("a stream can be read");
        seen.extend(versions(&page));
        if query.ends_with(&page) {
            break;
        }
        query = query.after(page.last().expect("a full page has a last event").version);
    }
    assert_eq!(seen, [1, 2, 3, 4, 5]);
}
