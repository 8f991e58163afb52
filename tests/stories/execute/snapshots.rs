//! Snapshots spare reading, and are never trusted with more than that.

use std::convert::Infallible;
use std::time::Duration;

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
    bank.memory.snapshot(&stream(), "counter").await.expect("a memory store can be read")
}

/// Waits until a snapshot of this version is kept: they are written beside the work.
async fn kept_at(bank: &Bank, version: u64) -> SnapshotRecord {
    let kept = async {
        loop {
            match snapshot(bank).await {
                Some(snapshot) if snapshot.version.get() == version => return snapshot,
                _ => tokio::task::yield_now().await,
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(60), kept).await.expect("it is kept soon")
}

/// A snapshot whose state is told apart from the folded one.
async fn plant(bank: &Bank, shape: u64, state: &str) {
    let state = Payload::from_stored(state);
    let (version, position) = (version(4), Position::new(4));
    let planted = SnapshotRecord { version, position, shape, state };
    bank.memory
        .save_snapshot(&stream(), "counter", &planted)
        .await
        .expect("a memory store can be written");
}

/// The shape that fits.
fn shape() -> u64 {
    Counter::snapshots().expect("there is a policy").shape()
}

#[tokio::test]
async fn a_snapshot_is_kept_every_three_events() {
    let bank = Bank::open();
    for (n, kept) in (1..=7).zip([0, 0, 3, 3, 3, 6, 6]) {
        increase(&bank).await;
        if kept == 0 {
            assert_eq!(snapshot(&bank).await, None, "after {n}");
        } else {
            kept_at(&bank, kept).await;
        }
    }
    let snapshot = kept_at(&bank, 6).await;
    assert_eq!((snapshot.shape, snapshot.position.get()), (shape(), 6));
    assert_eq!(snapshot.state.as_str(), r#"{"total":6}"#);
    assert_eq!(bank.faults().calls(Operation::SaveSnapshot), 2);
}

#[tokio::test]
async fn a_snapshot_that_fits_is_folded_on() {
    let mut bank = Bank::open();
    for _ in 0..5 {
        increase(&bank).await;
    }
    kept_at(&bank, 3).await;
    plant(&bank, shape(), r#"{"total":1000}"#).await;
    let restarted = bank.another();
    assert_eq!(total(&restarted).await, 1001, "the state of event 4, and event 5");
    increase(&restarted).await;
    assert_eq!(total(&restarted).await, 1002);
}

#[tokio::test]
async fn a_snapshot_of_another_shape_is_ignored_and_replaced() {
    let mut bank = Bank::open();
    for _ in 0..5 {
        increase(&bank).await;
    }
    kept_at(&bank, 3).await;
    plant(&bank, shape().wrapping_add(1), r#"{"total":1000}"#).await;
    let restarted = bank.another();
    assert_eq!(total(&restarted).await, 5);
    increase(&restarted).await;
    assert_eq!(kept_at(&bank, 6).await.shape, shape());
}

#[tokio::test]
async fn a_snapshot_that_is_garbage_is_ignored() {
    for garbage in ["{", "[]", r#"{"sum":1}"#, r#"{"total":"many"}"#, "null"] {
        let mut bank = Bank::open();
        for _ in 0..5 {
            increase(&bank).await;
        }
        kept_at(&bank, 3).await;
        plant(&bank, shape(), garbage).await;
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
    while bank.faults().calls(Operation::SaveSnapshot) == 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(snapshot(&bank).await, None);
    increase(&bank).await;
    kept_at(&bank, 4).await;
}

#[tokio::test]
async fn nobody_waits_for_a_snapshot_that_is_slow() {
    let bank = Bank::open();
    let mut held = bank.faults().hold(Operation::SaveSnapshot, 1);
    for _ in 0..3 {
        increase(&bank).await;
    }
    held.reached().await;
    // Neither its own command nor those behind it.
    for _ in 0..2 {
        increase(&bank).await;
    }
    assert_eq!((total(&bank).await, snapshot(&bank).await), (5, None));
    held.release();
    kept_at(&bank, 3).await;
}
