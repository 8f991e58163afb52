//! Who has a partition, whatever members call themselves and however old what they have seen is.

use annals_core::Position;
use annals_core::store::{Advance, CheckpointStore, StoreError, TransactExt};
use annals_core::table::RowQuery;
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::stage::Stage;
use crate::member::claim;
use crate::records::{Json, MemberRecord, PartitionRecord, list, put};
use crate::{PartitionId, ops};

async fn parts(stage: &Stage, consumer: &str) -> Vec<PartitionRecord> {
    let parts = list::<PartitionRecord>(&stage.store, &RowQuery::default()).await;
    let parts = parts.expect("readable").into_iter();
    parts.filter(|part| part.consumer == consumer).collect()
}

/// What a step with a token comes to that moves nothing.
async fn step(stage: &Stage, id: &PartitionId, token: u64) -> Result<(), StoreError> {
    let name = id.checkpoint();
    let stands = stage.store.checkpoint(&name).await.expect("readable").expect("it is there");
    let step = Advance { name, token, from: stands, to: stands };
    stage
        .store
        .transact_with(move |transaction| {
            let step = step.clone();
            Box::pin(async move { transaction.advance_checkpoint(&step).await })
        })
        .await
}

#[tokio::test(start_paused = true)]
async fn a_label_is_no_identity() {
    let stage = Stage::new();
    stage.cut("rows", 1).await;
    let first = stage.engine(vec![stage.rows("rows")], "the same");
    stage.until("its partition", async || first.running().len() == 1).await;
    let before = parts(&stage, "rows").await.remove(0);
    // As a crash would end it; the next one begins at once.
    drop(first);
    let second = stage.engine(vec![stage.rows("rows")], "the same");
    stage.append("thing-1").await;
    stage.until("the row", async || stage.seen().await.len() == 1).await;
    let after = parts(&stage, "rows").await.remove(0);
    assert!(after.owner.is_some() && after.owner != before.owner, "{before:?} {after:?}");
    let refused = step(&stage, &before.id(), before.token).await;
    assert!(matches!(refused, Err(StoreError::Fenced { .. })), "{refused:?}");
    second.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_member_without_the_handler_touches_nothing() {
    let stage = Stage::new();
    stage.cut("rows", 2).await;
    stage.cut("others", 1).await;
    let before = parts(&stage, "rows").await;
    let engine = stage.engine(vec![stage.outside("others")], "a");
    let ask = ops::Ask::Repartition(4);
    let id = ops::ask(&stage.store, "rows", &ask, ("ann", "load")).await.expect("it is known");
    for n in 0..20 {
        stage.append(&format!("thing-{n}")).await;
    }
    stage.until("its own work", async || stage.effects.lock().expect("no panic").len() == 20).await;
    tokio::time::sleep(std::time::Duration::from_secs(120)).await;
    assert_eq!(parts(&stage, "rows").await, before);
    let request = ops::request(&stage.store, id).await.expect("readable").expect("it was asked");
    assert!(!request.is_over() && request.taken_by.is_none(), "{request:?}");
    assert_eq!(stage.seen().await.len(), 0);
    engine.stop().await;
}

async fn lives(stage: &Stage, id: Uuid, lease: SignedDuration) {
    let lives = stage.store.transact_with(move |transaction| {
        Box::pin(async move {
            let now = transaction.now().await?;
            let member = MemberRecord {
                id,
                label: "one of many".to_owned(),
                consumers: Json("{}".to_owned()),
                stopping: false,
                started_at: now,
                seen_at: now,
                expires_at: now.saturating_add(lease).unwrap_or(Timestamp::MAX),
            };
            put(transaction, &member).await
        })
    });
    lives.await.expect("the memory has room");
}

/// What a member gets that believes the partition to be free.
async fn claims(stage: &Stage, me: Uuid) -> Option<u64> {
    let claimed = stage.store.transact_with(move |transaction| {
        Box::pin(async move {
            let id = PartitionId { consumer: "rows".to_owned(), generation: 1, epoch: 1, part: 0 };
            claim(transaction, &id, 1, me).await
        })
    });
    claimed.await.expect("readable").map(|(_, fence)| fence.token)
}

#[tokio::test(start_paused = true)]
async fn two_sweeps_with_one_stale_list() {
    let stage = Stage::new();
    stage.cut("rows", 1).await;
    let id = parts(&stage, "rows").await.remove(0).id();
    let [a, b, c] = [1, 2, 3].map(Uuid::from_u128);
    let long = SignedDuration::from_mins(5);
    for member in [a, b, c] {
        lives(&stage, member, long).await;
    }
    // All have seen a partition without an owner.
    let first = claims(&stage, a).await.expect("it was free");
    assert_eq!((claims(&stage, b).await, claims(&stage, c).await), (None, None));
    // Two have seen that the first is dead.
    lives(&stage, a, SignedDuration::ZERO).await;
    let second = claims(&stage, b).await.expect("its owner is dead");
    assert_eq!(claims(&stage, c).await, None, "the list of `c` is old");
    assert!(second > first);
    assert!(step(&stage, &id, second).await.is_ok());
    // It comes back with what it has believed.
    let refused = step(&stage, &id, first).await;
    assert!(matches!(refused, Err(StoreError::Fenced { .. })), "{refused:?}");
    assert_eq!(claims(&stage, a).await, None);
    let stands = stage.store.checkpoint(&id.checkpoint()).await.expect("readable");
    assert_eq!(stands, Some(Position::START));
}

/// Nothing is to be said of what was never there, and everything of what has vanished.
#[tokio::test(start_paused = true)]
async fn a_checkpoint_that_is_gone_is_said() {
    let stage = Stage::new();
    stage.cut("outside", 2).await;
    let engine = stage.engine(vec![stage.outside("outside")], "a");
    stage.until("both", async || engine.running().len() == 2).await;
    let name = parts(&stage, "outside").await.remove(1).id().checkpoint();
    let gone = name.clone();
    let removed = stage.store.transact_with(move |transaction| {
        let gone = gone.clone();
        Box::pin(async move { transaction.remove_checkpoint(&gone).await })
    });
    removed.await.expect("it was there");
    for n in 0..20 {
        stage.append(&format!("thing-{n}")).await;
    }
    stage
        .until("a word about it", async || {
            let health = ops::health(&stage.store).await;
            let said = health.trouble.get("outside").into_iter().flatten();
            said.into_iter().any(|said| said.contains(&name) && said.contains("backup"))
        })
        .await;
    // It is let go when it is to be written, and the other one goes on.
    let minute = std::time::Duration::from_secs(60);
    tokio::time::sleep(minute).await;
    let effects = || stage.effects.lock().expect("no panic").len();
    let before = effects();
    for n in 0..20 {
        stage.append(&format!("thing-{n}")).await;
    }
    tokio::time::sleep(minute).await;
    assert!((1..20).contains(&(effects() - before)), "{} of 20", effects() - before);
    engine.stop().await;
}
