//! Several members share the work, and each event has its effect once.

use std::collections::BTreeMap;

use super::stage::Stage;
use crate::ops;

#[tokio::test(start_paused = true)]
async fn an_event_has_its_effect_once_whoever_works() {
    let stage = Stage::new();
    stage.cut("rows", 4).await;
    let engines: Vec<_> =
        ["a", "b", "c"].map(|label| stage.engine(vec![stage.rows("rows")], label)).into();
    for n in 0..300 {
        stage.append(&format!("thing-{}", n % 40)).await;
    }
    stage.until("every row", async || stage.seen().await.len() == 300).await;
    stage
        .until("shares that differ by one", async || {
            let shares: Vec<_> = engines.iter().map(|engine| engine.running().len()).collect();
            shares.iter().sum::<usize>() == 4 && shares.iter().all(|share| [1, 2].contains(share))
        })
        .await;
    // One leaves in order, and its partitions are worked on by others.
    assert!(engines[0].stop().await.is_empty());
    stage.append("thing-1").await;
    for n in 0..100 {
        stage.append(&format!("thing-{n}")).await;
    }
    stage.until("the rest", async || stage.seen().await.len() == 401).await;
    for engine in &engines[1..] {
        assert!(engine.stop().await.is_empty());
    }
    assert!(ops::members(&stage.store).await.expect("readable").is_empty(), "all have left");
}

#[tokio::test(start_paused = true)]
async fn one_who_vanishes_is_taken_over() {
    let stage = Stage::new();
    stage.cut("rows", 2).await;
    let first = stage.engine(vec![stage.rows("rows")], "first");
    stage.until("both", async || first.running().len() == 2).await;
    // Without a stop, as a crash would.
    drop(first);
    let second = stage.engine(vec![stage.rows("rows")], "second");
    for n in 0..20 {
        stage.append(&format!("thing-{n}")).await;
    }
    stage.until("every row", async || stage.seen().await.len() == 20).await;
    second.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_consumer_is_cut_anew_while_events_come() {
    let stage = Stage::new();
    stage.cut("rows", 4).await;
    let engines = ["a", "b"].map(|label| stage.engine(vec![stage.rows("rows")], label));
    let mut appended = 0;
    for parts in [8, 2] {
        for n in 0..50 {
            stage.append(&format!("thing-{n}")).await;
            appended += 1;
        }
        let ask = ops::Ask::Repartition(parts);
        let id = ops::ask(&stage.store, "rows", &ask, ("ann", "load")).await.expect("known");
        for n in 0..50 {
            stage.append(&format!("thing-{n}")).await;
            appended += 1;
        }
        stage
            .until("an answer", async || {
                let request = ops::request(&stage.store, id).await.expect("readable");
                request.is_some_and(|request| request.is_over() && !request.is_refused())
            })
            .await;
        let status = &ops::consumers(&stage.store).await.expect("readable")[0];
        assert_eq!(status.partitions.len(), parts as usize);
    }
    stage.until("every row", async || stage.seen().await.len() == appended).await;
    for engine in engines {
        engine.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_pause_outlasts_everybody() {
    let stage = Stage::new();
    stage.cut("rows", 2).await;
    let engine = stage.engine(vec![stage.rows("rows")], "a");
    let who = ("ann", "maintenance");
    let id = ops::ask(&stage.store, "rows", &ops::Ask::Pause, who).await.expect("known");
    let over = async |id| {
        let request = ops::request(&stage.store, id).await.expect("readable");
        request.is_some_and(|request| request.is_over())
    };
    stage.until("the pause", async || over(id).await).await;
    engine.stop().await;
    let engine = stage.engine(vec![stage.rows("rows")], "b");
    stage.append("thing-1").await;
    tokio::time::sleep(std::time::Duration::from_secs(60)).await;
    assert_eq!(stage.seen().await.len(), 0);
    let id = ops::ask(&stage.store, "rows", &ops::Ask::Resume, who).await.expect("known");
    stage.until("the end of it", async || over(id).await).await;
    stage.until("the row", async || stage.seen().await.len() == 1).await;
    engine.stop().await;
}

#[tokio::test(start_paused = true)]
async fn effects_outside_come_in_order_by_key() {
    let stage = Stage::new();
    stage.cut("outside", 3).await;
    let engines = ["a", "b"].map(|label| stage.engine(vec![stage.outside("outside")], label));
    for n in 0..500 {
        stage.append(&format!("thing-{}", n % 20)).await;
    }
    stage
        .until("every effect", async || stage.effects.lock().expect("no panic").len() >= 500)
        .await;
    let mut last = BTreeMap::new();
    for (stream, position) in stage.effects.lock().expect("no panic").iter() {
        let before = last.insert(stream.clone(), *position);
        assert!(before.is_none_or(|before| before < *position), "{stream} goes back");
    }
    for engine in engines {
        engine.stop().await;
    }
}

/// One that is leaving waits for a slow handler; what it has besides is worked on by others meanwhile.
#[tokio::test(start_paused = true)]
async fn what_has_ended_is_given_back_at_once() {
    let stage = Stage::new();
    stage.cut("rows", 1).await;
    stage.cut("outside", 1).await;
    let consumers = || vec![stage.rows("rows"), stage.outside("outside")];
    let first = stage.engine(consumers(), "first");
    stage.until("both", async || first.running().len() == 2).await;
    let second = stage.engine(consumers(), "second");
    stage
        .until("both members", async || {
            ops::members(&stage.store).await.expect("readable").len() == 2
        })
        .await;
    stage.takes_ms.store(8_000, std::sync::atomic::Ordering::SeqCst);
    stage.append("thing-1").await;
    stage.until("the row", async || stage.seen().await.len() == 1).await;
    let began = tokio::time::Instant::now();
    let leaving = first.stop();
    let rest = async {
        stage.append("thing-2").await;
        stage.until("the next row", async || stage.seen().await.len() == 2).await;
        began.elapsed()
    };
    let (broken_off, took) = tokio::join!(leaving, rest);
    assert!(broken_off.is_empty(), "{broken_off:?}");
    assert!(took < std::time::Duration::from_secs(5), "{took:?}");
    second.stop().await;
}
