//! Parked keys go with their partition, also in the middle of being tried again, and their order holds.

use std::sync::atomic::Ordering;

use super::stage::Stage;
use crate::{Engine, ops};

/// Ten keys of ten events each, one of them parked, by one engine.
async fn parked() -> (Stage, Engine) {
    let stage = Stage::new();
    stage.cut("outside", 1).await;
    stage.faults.lock().expect("no panic").insert("thing-3".to_owned(), u32::MAX);
    for n in 0..100 {
        stage.append(&format!("thing-{}", n % 10)).await;
    }
    let engine = stage.engine(vec![stage.outside("outside")], "a");
    stage.until("all others", async || effects(&stage, None).len() == 90).await;
    waiting(&stage, 10).await;
    (stage, engine)
}

/// The positions that had an effect, of one stream or of all.
fn effects(stage: &Stage, stream: Option<&str>) -> Vec<u64> {
    let effects = stage.effects.lock().expect("no panic");
    let of = effects.iter().filter(|(of, _)| stream.is_none_or(|stream| of == stream));
    of.map(|(_, position)| position.get()).collect()
}

async fn waiting(stage: &Stage, events: u64) {
    stage
        .until("what waits", async || {
            let parked = ops::parked(&stage.store, "outside").await.expect("readable");
            parked.first().is_some_and(|parked| parked.events == events)
        })
        .await;
}

/// So many events of the key have had their effect, in order; how many of them twice.
async fn healed(stage: &Stage, events: usize) -> usize {
    let distinct = || {
        let mut distinct = effects(stage, Some("thing-3"));
        // What comes again comes right behind itself.
        distinct.dedup();
        distinct
    };
    stage.until("the rest", async || distinct().len() == events).await;
    assert!(distinct().is_sorted(), "{:?}", distinct());
    stage
        .until("nothing parked", async || {
            ops::parked(&stage.store, "outside").await.expect("readable").is_empty()
        })
        .await;
    effects(stage, Some("thing-3")).len() - events
}

#[tokio::test(start_paused = true)]
async fn what_waits_is_handed_over() {
    let (stage, first) = parked().await;
    first.stop().await;
    for _ in 0..3 {
        stage.append("thing-3").await;
    }
    let second = stage.engine(vec![stage.outside("outside")], "b");
    waiting(&stage, 13).await;
    stage.faults.lock().expect("no panic").clear();
    assert_eq!(healed(&stage, 13).await, 0);
    second.stop().await;
}

/// Something in the middle of trying the key again: three of ten events are done.
async fn retrying() -> (Stage, Engine) {
    let (stage, engine) = parked().await;
    stage.takes_ms.store(2_000, Ordering::SeqCst);
    stage.faults.lock().expect("no panic").clear();
    stage.until("three", async || effects(&stage, Some("thing-3")).len() == 3).await;
    (stage, engine)
}

#[tokio::test(start_paused = true)]
async fn a_retry_that_is_taken_over() {
    let (stage, first) = retrying().await;
    drop(first);
    stage.append("thing-3").await;
    let second = stage.engine(vec![stage.outside("outside")], "b");
    assert!(healed(&stage, 11).await <= 1, "no more than what was under way");
    second.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_restart_in_the_middle_of_a_retry() {
    let (stage, first) = retrying().await;
    assert!(first.stop().await.is_empty(), "it ends in time");
    stage.append("thing-3").await;
    let again = stage.engine(vec![stage.outside("outside")], "a");
    assert_eq!(healed(&stage, 11).await, 0, "nothing is repeated");
    again.stop().await;
}
