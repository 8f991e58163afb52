//! A key that fails waits, and nothing else does.

use super::stage::Stage;
use crate::ops;

async fn parked(stage: &Stage, consumer: &str) -> Vec<ops::Parked> {
    ops::parked(&stage.store, consumer).await.expect("readable")
}

#[tokio::test(start_paused = true)]
async fn one_bad_event_parks_its_key_and_heals_in_order() {
    let stage = Stage::new();
    stage.cut("rows", 1).await;
    stage.faults.lock().expect("no panic").insert("thing-3".to_owned(), 100);
    for n in 0..100 {
        stage.append(&format!("thing-{}", n % 10)).await;
    }
    let engine = stage.engine(vec![stage.rows("rows")], "a");
    stage.until("all others", async || stage.seen().await.len() == 90).await;
    let waiting = parked(&stage, "rows").await;
    assert_eq!((waiting.len(), waiting[0].key.as_str()), (1, "thing-3"));
    assert_eq!(
        (waiting[0].events, waiting[0].reason.as_str()),
        (10, "`thing.happened` at position 4 of the log, stream `thing-3`: thing-3 fails")
    );
    // It heals, and what comes meanwhile waits its turn.
    stage.append("thing-3").await;
    stage.faults.lock().expect("no panic").clear();
    stage.until("the rest", async || stage.seen().await.len() == 101).await;
    assert!(parked(&stage, "rows").await.is_empty());
    stage.append("thing-3").await;
    stage.until("what comes later", async || stage.seen().await.len() == 102).await;
    engine.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_parked_key_outside_heals_in_order() {
    let stage = Stage::new();
    stage.cut("outside", 1).await;
    stage.faults.lock().expect("no panic").insert("thing-3".to_owned(), 12);
    for n in 0..100 {
        stage.append(&format!("thing-{}", n % 10)).await;
    }
    let engine = stage.engine(vec![stage.outside("outside")], "a");
    stage
        .until("every effect", async || stage.effects.lock().expect("no panic").len() == 100)
        .await;
    let effects = stage.effects.lock().expect("no panic").clone();
    let of_three: Vec<_> = effects.iter().filter(|(stream, _)| stream == "thing-3").collect();
    assert!(of_three.is_sorted_by_key(|(_, position)| *position));
    engine.stop().await;
}

#[tokio::test(start_paused = true)]
async fn what_is_thrown_away_never_has_its_effect() {
    let stage = Stage::new();
    stage.cut("rows", 1).await;
    stage.faults.lock().expect("no panic").insert("thing-3".to_owned(), u32::MAX);
    let engine = stage.engine(vec![stage.rows("rows")], "a");
    for n in 0..20 {
        stage.append(&format!("thing-{}", n % 10)).await;
    }
    stage.until("a parked key", async || !parked(&stage, "rows").await.is_empty()).await;
    let ask = ops::Ask::Discard(vec!["thing-3".to_owned()]);
    let id = ops::ask(&stage.store, "rows", &ask, ("ann", "a test order")).await.expect("known");
    stage
        .until("an answer", async || {
            let request = ops::request(&stage.store, id).await.expect("readable");
            request.is_some_and(|request| request.is_over())
        })
        .await;
    assert!(parked(&stage, "rows").await.is_empty());
    stage.faults.lock().expect("no panic").clear();
    stage.append("thing-3").await;
    stage.until("what comes later", async || stage.seen().await.len() == 19).await;
    engine.stop().await;
}

#[tokio::test(start_paused = true)]
async fn when_everything_fails_the_consumer_stands_still() {
    let stage = Stage::new();
    stage.cut("rows", 1).await;
    for n in 0..50 {
        stage.faults.lock().expect("no panic").insert(format!("thing-{n}"), u32::MAX);
        stage.append(&format!("thing-{n}")).await;
    }
    let engine = stage.engine(vec![stage.rows("rows")], "a");
    stage
        .until("a word about it", async || {
            let status = ops::consumers(&stage.store).await.expect("readable");
            status[0].trouble.iter().any(|trouble| trouble.contains("no fault of single events"))
        })
        .await;
    assert_eq!(parked(&stage, "rows").await.len(), 10);
    engine.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_bulk_request_acts_on_what_was_shown() {
    let stage = Stage::new();
    stage.cut("rows", 1).await;
    let fail = |stream: &str| {
        stage.faults.lock().expect("no panic").insert(stream.to_owned(), u32::MAX);
    };
    fail("thing-1");
    fail("thing-2");
    for n in 0..40 {
        stage.append(&format!("thing-{}", n % 20)).await;
    }
    let engine = stage.engine(vec![stage.rows("rows")], "a");
    stage.until("two parked keys", async || parked(&stage, "rows").await.len() == 2).await;
    let shown = parked(&stage, "rows").await.into_iter().map(|parked| parked.key).collect();
    // Another one comes before anybody has decided about those.
    fail("thing-3");
    stage.append("thing-3").await;
    stage.until("the third", async || parked(&stage, "rows").await.len() == 3).await;
    let ask = ops::Ask::Discard(shown);
    ops::ask(&stage.store, "rows", &ask, ("ann", "tests")).await.expect("known");
    stage.until("those that were shown", async || parked(&stage, "rows").await.len() == 1).await;
    assert_eq!(parked(&stage, "rows").await[0].key, "thing-3");
    stage.faults.lock().expect("no panic").clear();
    stage.until("the third", async || parked(&stage, "rows").await.is_empty()).await;
    let seen = stage.seen().await;
    assert_eq!(seen.len(), 41 - 4, "two events of each that was thrown away are missing");
    engine.stop().await;
}
