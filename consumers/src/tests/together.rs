//! Several events of a key at once, outside.

use std::collections::BTreeMap;

use super::stage::Stage;
use crate::{OnFailure, ops};

/// The positions that had an effect, by stream, in the order of their effects.
fn effects(stage: &Stage) -> BTreeMap<String, Vec<u64>> {
    let mut by_stream = BTreeMap::<String, Vec<u64>>::new();
    for (stream, position) in stage.effects.lock().expect("no panic").iter() {
        by_stream.entry(stream.clone()).or_default().push(position.get());
    }
    by_stream
}

#[tokio::test(start_paused = true)]
async fn what_waits_of_a_key_comes_together() {
    let stage = Stage::new();
    stage.cut("outside", 1).await;
    for n in 0..100 {
        stage.append(&format!("thing-{}", n % 10)).await;
    }
    let engine = stage.engine(vec![stage.at_once("outside", 4)], "a");
    stage.until("every effect", async || effects(&stage).values().flatten().count() == 100).await;
    let sizes = stage.sizes.lock().expect("no panic").clone();
    assert_eq!(sizes.iter().sum::<usize>(), 100);
    assert_eq!(sizes.iter().filter(|size| **size == 4).count(), 20, "{sizes:?}");
    assert!(effects(&stage).values().all(|positions| positions.is_sorted()));
    engine.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_fails_is_taken_apart() {
    let stage = Stage::new();
    stage.cut("outside", 1).await;
    for n in 0..8 {
        stage.append(&format!("thing-{}", n % 2)).await;
    }
    // The third of four.
    stage.bad.lock().expect("no panic").insert(6);
    let engine = stage.engine(vec![stage.at_once("outside", 10)], "a");
    let parked = async || ops::parked(&stage.store, "outside").await.expect("readable");
    stage.until("a parked key", async || !parked().await.is_empty()).await;
    stage.until("all others", async || effects(&stage).values().flatten().count() == 6).await;
    let waiting = parked().await;
    assert_eq!((waiting.len(), waiting[0].key.as_str()), (1, "thing-1"));
    assert_eq!((waiting[0].position.get(), waiting[0].events), (6, 2));
    assert_eq!(effects(&stage)["thing-1"], [2, 4], "what stands before it counts, once");
    stage.bad.lock().expect("no panic").clear();
    stage.until("the rest", async || effects(&stage)["thing-1"] == [2, 4, 6, 8]).await;
    assert_eq!(effects(&stage)["thing-0"], [1, 3, 5, 7]);
    engine.stop().await;
}

/// Whatever is done stays done while the consumer waits at an event, however often that is tried.
#[tokio::test(start_paused = true)]
async fn standing_still_repeats_nothing_else() {
    for at_once in [1, 3] {
        let stage = Stage::new();
        stage.cut("outside", 1).await;
        for n in 0..40 {
            stage.append(&format!("thing-{}", n % 4)).await;
        }
        stage.bad.lock().expect("no panic").insert(6);
        let mut consumer = stage.at_once("outside", at_once);
        consumer.on_failure = OnFailure::Stop;
        let engine = stage.engine(vec![consumer], "a");
        tokio::time::sleep(std::time::Duration::from_secs(600)).await;
        stage.bad.lock().expect("no panic").clear();
        let all = |n: usize| (0..10).map(|of| (of * 4 + n) as u64).collect::<Vec<_>>();
        stage.until("the rest", async || effects(&stage).values().flatten().count() >= 40).await;
        let effects = effects(&stage);
        for n in 1..=4 {
            assert_eq!(effects[&format!("thing-{}", n - 1)], all(n), "{at_once} at once");
        }
        engine.stop().await;
    }
}
