//! What a step keeps beside its effects commits with them, or is not there.

use std::time::Duration;

use annals_core::store::{StoreError, TransactExt};
use jiff::SignedDuration;

use super::stage::Stage;
use crate::{Timer, TimerRecord, cancel, earliest, remember, schedule, timers_in};

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
                    let due_at = transaction.now().await? + SignedDuration::from_secs(seconds);
                    let (key, body) = (key.to_owned(), r#"{"of":1}"#.to_owned());
                    schedule(transaction, "sagas", vec![Timer { key, due_at, body }]).await
                })
            })
            .await
            .expect("it commits");
    };
    let keys = async |most: u32| {
        let due = stage.store.transact_with(move |transaction| {
            Box::pin(async move {
                let keys = "a".to_owned().."z".to_owned();
                let timers = earliest(transaction, "sagas", keys, most).await?;
                Ok((transaction.now().await?, timers))
            })
        });
        let (now, timers): (_, Vec<TimerRecord>) = due.await.expect("timers can be read");
        assert!(timers.iter().all(|timer| timer.body.0 == r#"{"of":1}"#));
        let due = timers.into_iter().filter(|timer| timer.due_at <= now);
        due.map(|timer| timer.key).collect::<Vec<_>>()
    };
    set("late", 30).await;
    set("soon", 10).await;
    set("moved", 5).await;
    set("moved", 20).await;
    set("gone", 1).await;
    let taken = stage.store.transact_with(|transaction| {
        Box::pin(async move { cancel(transaction, "sagas", ["gone".to_owned()]).await })
    });
    taken.await.expect("it commits");
    assert!(keys(10).await.is_empty(), "none is due");
    tokio::time::advance(Duration::from_secs(20)).await;
    assert_eq!(keys(10).await, ["soon", "moved"]);
    tokio::time::advance(Duration::from_secs(10)).await;
    assert_eq!(keys(2).await, ["soon", "moved"], "no more than were asked for");
    assert_eq!(keys(10).await, ["soon", "moved", "late"]);
    let between = stage.store.transact_with(|transaction| {
        let keys = "m".to_owned().."n".to_owned();
        Box::pin(async move { timers_in(transaction, "sagas", keys).await })
    });
    let between = between.await.expect("timers can be read");
    assert_eq!(between.iter().map(|timer| &*timer.key).collect::<Vec<_>>(), ["moved"]);
}

#[derive(Debug, thiserror::Error)]
#[error("undone")]
struct Undone;
