//! A standby that lagged is promoted, or a backup is restored: the log is shorter than it was. Whoever
//! stands behind its end says so, instead of waiting until other events have taken the positions.

use std::time::Duration;

use annals::prelude::*;
use annals::store::{EventStore, LogFilter, StoreError};
use annals::{EngineOptions, Position, RunState, Subscription};
use annals_tests::bank::{Account, Balances};

use super::place::Place;

const PATIENCE: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cursor_beyond_the_end_is_told() {
    tokio::time::timeout(PATIENCE, story()).await.expect("nobody waits for what is gone");
}

async fn story() {
    let place = Place::shared().await;
    let store = place.store().await;
    let retries = EngineOptions {
        retry_after: Duration::from_millis(1),
        retry_at_most: Duration::from_millis(20),
        ..EngineOptions::default()
    };
    let annals = Annals::on((*store).clone())
        .project(Balances)
        .engine_options(retries)
        .start()
        .await
        .expect("a new bank opens");
    for _ in 0..4 {
        annals.execute(&1, |account: &Account| account.deposit(1)).await.expect("money comes in");
    }
    let head = store.head().await.expect("the head can be read");
    let mut reader =
        Subscription::new(store.clone(), LogFilter::default(), Position::START).page_size(100);
    while reader.position() < head {
        reader.next().await.expect("there is something");
    }
    annals.wait_for(head, PATIENCE).await.expect("the projection follows");

    let events = place.name("events");
    let lost = format!(
        "ALTER TABLE {events} DISABLE TRIGGER events_refuse_change;
         DELETE FROM {events} WHERE position > {};
         ALTER TABLE {events} ENABLE ALWAYS TRIGGER events_refuse_change",
        head.get() - 2
    );
    place.client().await.batch_execute(&lost).await.expect("the owner can do anything");

    let told = reader.next().await.expect_err("the log ends before the cursor");
    let StoreError::HistoryWentBack { head: end, cursor } = told else { panic!("{told:?}") };
    assert_eq!((end.get(), cursor), (head.get() - 2, head));
    let failed = async {
        loop {
            let status = annals.status().await.expect("it can be asked").remove(0);
            if status.state == RunState::Failed {
                return status.last_error.expect("it says why");
            }
            tokio::task::yield_now().await;
        }
    };
    let said = failed.await;
    assert!(said.contains("the log ends at"), "{said}");
}
