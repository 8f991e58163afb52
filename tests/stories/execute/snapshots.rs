//! Snapshots spare reading, and are never trusted with more than that.

use std::convert::Infallible;

use annals_core::store::{SnapshotRecord, SnapshotStore, StoreError};
use annals_core::{Aggregate, Apply, Event, Payload, Position, StreamId};
use annals_testkit::Operation;
use serde::{Deserialize, Serialize};

use crate::bank::{Bank, version};

#[derive(Event, Debug, Clone, PartialEq)]
#[event(name = "counter.increased", crate = annals_core)]
struct Increased {
    by: u64,
}

#[derive(Aggregate, Default, Debug, PartialEq, Serialize, Deserialize)]
#[aggregate(
    category = "counter", id = u32, event = Increased, error = Infallible,
    snapshot(every = 3, version = 2), crate = annals_core
)]
struct Counter {
    total: u64,
}

impl Apply for Counter {
    fn apply(&mut self, event: &Increased) {
        self.total += event.by;
    }
}

async fn increase(bank: &Bank) {
    let by_one = |_: &Counter| Ok(Increased { by: 1 });
    bank.journal.execute(&1, by_one).await.expect("never refused");
}

async fn total(bank: &Bank) -> u64 {
    bank.journal.load::<Counter>(&1).await.expect("the counter can be loaded").state.total
}

fn stream() -> StreamId {
    StreamId::parse("counter-1").expect("a stream name")
}

async fn snapshot(bank: &Bank) -> Option<SnapshotRecord> {
    bank.memory.snapshot(&stream()).await.expect("a memory store can be read")
}

/// A snapshot whose state is told apart from the folded one.
async fn plant(bank: &Bank, schema_version: u32, state: &str) {
    let state = Payload::from_stored(state);
    let (version, position) = (version(4), Position::new(4));
    let planted = SnapshotRecord { version, position, schema_version, state };
    bank.memory.save_snapshot(&stream(), &planted).await.expect("a memory store can be written");
}

#[tokio::test]
async fn a_snapshot_is_kept_every_three_events() {
    let bank = Bank::open();
    let mut kept = Vec::new();
    for _ in 0..7 {
        increase(&bank).await;
        kept.push(snapshot(&bank).await.map(|snapshot| snapshot.version.get()));
    }
    assert_eq!(kept, [None, None, Some(3), Some(3), Some(3), Some(6), Some(6)]);
    let snapshot = snapshot(&bank).await.expect("it is kept");
    assert_eq!((snapshot.schema_version, snapshot.position.get()), (2, 6));
    assert_eq!(snapshot.state.as_str(), r#"{"total":6}"#);
}

#[tokio::test]
async fn a_snapshot_that_fits_is_folded_on() {
    let mut bank = Bank::open();
    for _ in 0..5 {
        increase(&bank).await;
    }
    plant(&bank, 2, r#"{"total":1000}"#).await;
    let restarted = bank.another();
    assert_eq!(total(&restarted).await, 1001, "the state of event 4, and event 5");
    increase(&restarted).await;
    assert_eq!(total(&restarted).await, 1002);
}

#[tokio::test]
async fn a_snapshot_of_another_version_is_ignored_and_replaced() {
    let mut bank = Bank::open();
    for _ in 0..5 {
        increase(&bank).await;
    }
    plant(&bank, 1, r#"{"total":1000}"#).await;
    let restarted = bank.another();
    assert_eq!(total(&restarted).await, 5);
    increase(&restarted).await;
    let replaced = snapshot(&bank).await.expect("it is kept");
    assert_eq!((replaced.schema_version, replaced.version.get()), (2, 6));
}

#[tokio::test]
async fn a_snapshot_that_is_garbage_is_ignored() {
    for garbage in ["{", "[]", r#"{"sum":1}"#, r#"{"total":"many"}"#, "null"] {
        let mut bank = Bank::open();
        for _ in 0..5 {
            increase(&bank).await;
        }
        plant(&bank, 2, garbage).await;
        assert_eq!(total(&bank.another()).await, 5, "{garbage}");
    }
}

#[tokio::test]
async fn a_snapshot_that_cannot_be_saved_harms_no_command() {
    let bank = Bank::open();
    bank.faults().fail_next(Operation::SaveSnapshot, 1, StoreError::Closed);
    for _ in 0..3 {
        increase(&bank).await;
    }
    assert_eq!(snapshot(&bank).await, None);
    increase(&bank).await;
    let caught_up = snapshot(&bank).await.map(|snapshot| snapshot.version.get());
    assert_eq!(caught_up, Some(4), "the next command tries again");
}
