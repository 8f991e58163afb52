//! Snapshots are a cache: what comes back fits, and never goes back in time.

use annals_core::store::{SnapshotRecord, Store};
use annals_core::{Payload, Position, StreamVersion};

use super::Subject;
use super::samples::stream;

const STATE: &str = "account";

fn snapshot(version: u64, shape: u64) -> SnapshotRecord {
    SnapshotRecord {
        version: StreamVersion::new(version),
        position: Position::new(version * 10),
        shape,
        state: Payload::from_stored(format!(r#"{{"cents": {version}}}"#)),
    }
}

async fn save(store: &dyn Store, name: &str, snapshot: &SnapshotRecord) {
    store.save_snapshot(&stream(name), STATE, snapshot).await.expect("a snapshot can be saved");
}

async fn load(store: &dyn Store, name: &str) -> Option<SnapshotRecord> {
    store.snapshot(&stream(name), STATE).await.expect("a snapshot can be read")
}

/// With every field; a newer one replaces it.
pub async fn a_snapshot_comes_back(subject: Subject) {
    let store = &*subject.store;
    assert_eq!(load(store, "account-1").await, None);
    for version in [5, 8] {
        save(store, "account-1", &snapshot(version, 1)).await;
        assert_eq!(load(store, "account-1").await, Some(snapshot(version, 1)));
    }
}

/// Of two writers the slower one must not win.
pub async fn an_older_snapshot_does_not_replace_a_newer(subject: Subject) {
    let store = &*subject.store;
    save(store, "account-1", &snapshot(8, 1)).await;
    save(store, "account-1", &snapshot(5, 1)).await;
    assert_eq!(load(store, "account-1").await, Some(snapshot(8, 1)));
}

/// A new shape of the state begins anew, wherever it is. It is any number of 64 bits.
pub async fn another_shape_replaces(subject: Subject) {
    let store = &*subject.store;
    for (version, shape) in [(8, 1), (5, 2), (4, u64::MAX), (3, 1 << 63), (2, 0)] {
        save(store, "account-1", &snapshot(version, shape)).await;
        assert_eq!(load(store, "account-1").await, Some(snapshot(version, shape)));
    }
}

/// Two states of one stream do not see each other's.
pub async fn snapshots_are_apart_by_state(subject: Subject) {
    let store = &*subject.store;
    let (events, total) = (snapshot(8, 1), snapshot(3, 1));
    for (state, snapshot) in [("events", &events), ("total", &total), ("Total", &events)] {
        let saved = store.save_snapshot(&stream("account-1"), state, snapshot).await;
        saved.expect("a snapshot can be saved");
    }
    for (state, expected) in [
        ("events", Some(events.clone())),
        ("total", Some(total)),
        ("Total", Some(events)),
        ("tota", None),
    ] {
        let found = store.snapshot(&stream("account-1"), state).await;
        assert_eq!(found.expect("a snapshot can be read"), expected, "{state}");
    }
}

/// One a stream.
pub async fn snapshots_are_apart_by_stream(subject: Subject) {
    let store = &*subject.store;
    save(store, "account-1", &snapshot(8, 1)).await;
    save(store, "account-2", &snapshot(3, 1)).await;
    assert_eq!(load(store, "account-1").await, Some(snapshot(8, 1)));
    assert_eq!(load(store, "account-2").await, Some(snapshot(3, 1)));
    assert_eq!(load(store, "account-3").await, None);
}
