//! What a step keeps beside its effects commits with them, or is not there.

use std::time::Duration;

use annals_core::store::{StoreError, TransactExt};
use jiff::SignedDuration;

use super::stage::Stage;
use crate::{TimerRecord, cancel, due, remember, schedule};

#[tokio::test(start_paused = true)]
async fn a_message_counts_once_and_only_if_its_step_commits() {
    let stage = Stage::new();
    let step = async |id: &'static str, commits: bool| {
        stage
            .store
            .transact_with(move |transaction| {
                Box::pin(async move {
                    let first = remember(transaction, "mails", "orders", id).await?;
                    let again = remember(transaction, "mails", "orders", id).await?;
                    assert!(!again, "in the same step it is known");
                    if commits { Ok(first) } else { Err(StoreError::refused(Undone)) }
                })
            })
            .await
    };
    step("a", false).await.expect_err("it is rolled back");
    assert!(step("a", true).await.expect("it commits"), "what was rolled back is not remembered");
    assert!(!step("a", true).await.expect("it commits"));
    assert!(step("b", true).await.expect("it commits"), "another message");
}

#[tokio::test(start_paused = true)]
async fn timers_come_in_order_when_they_are_due() {
    let stage = Stage::new();
    let set = async |key: &'static str, seconds: i64| {
        stage
            .store
            .transact_with(move |transaction| {
                Box::pin(async move {
                    let at = transaction.now().await? + SignedDuration::from_secs(seconds);
                    schedule(transaction, ("sagas", key), at, r#"{"of":1}"#).await
                })
            })
            .await
            .expect("it commits");
    };
    let keys = async |most: u32| {
        let due = stage.store.transact_with(move |transaction| {
            Box::pin(async move { due(transaction, "sagas", most).await })
        });
        let due: Vec<TimerRecord> = due.await.expect("timers can be read");
        assert!(due.iter().all(|timer| timer.body.0 == r#"{"of":1}"#));
        due.into_iter().map(|timer| timer.key).collect::<Vec<_>>()
    };
    set("late", 30).await;
    set("soon", 10).await;
    set("moved", 5).await;
    set("moved", 20).await;
    set("gone", 1).await;
    let taken = stage.store.transact_with(|transaction| {
        Box::pin(async move { cancel(transaction, ("sagas", "gone")).await })
    });
    taken.await.expect("it commits");
    assert!(keys(10).await.is_empty(), "none is due");
    tokio::time::advance(Duration::from_secs(20)).await;
    assert_eq!(keys(10).await, ["soon", "moved"]);
    tokio::time::advance(Duration::from_secs(10)).await;
    assert_eq!(keys(2).await, ["soon", "moved"], "no more than were asked for");
    assert_eq!(keys(10).await, ["soon", "moved", "late"]);
}

#[derive(Debug, thiserror::Error)]
#[error("undone")]
struct Undone;
