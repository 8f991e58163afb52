//! How much work a projection makes of what it meets: transactions are counted.

use std::sync::Arc;
use std::time::Duration;

use annals::store::TransactExt;
use annals::{Annals, EngineOptions, MemoryStore, RunState};
use annals_testkit::{FaultyStore, Operation};
use annals_tests::bank::AccountEvent;

use crate::homes::{append, counter, deposit, quick, until};

counter!(paced: "paced", "paced", version 1, n += 1);

/// Whoever finds that somebody else moved on looks again after a pause, and a few times only.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_checkpoint_is_looked_for_a_few_times() {
    let story = async {
        let store = FaultyStore::new(Arc::new(MemoryStore::default()));
        let faults = store.faults().clone();
        let inner = store.inner().clone();
        let annals = Annals::on(store).project(paced::P).engine_options(EngineOptions {
            // Once it has failed, it waits.
            retry_after: Duration::from_secs(30),
            retry_at_most: Duration::from_secs(30),
            ..quick()
        });
        let annals = annals.start().await.unwrap();
        let position = deposit(&annals, 1, 1).await;
        annals.wait_for(position, Duration::from_secs(20)).await.unwrap();
        inner
            .transact_with(|transaction| {
                Box::pin(async { transaction.remove_checkpoint("consumer/paced/1/1/0").await })
            })
            .await
            .unwrap();
        faults.reset_calls();
        deposit(&annals, 1, 1).await;
        until(&annals, |status| status.state == RunState::Failed).await;
        let calls = faults.calls(Operation::Transact);
        assert!(calls <= 20, "{calls} transactions until it said so");
        let begun = std::time::Instant::now();
        assert!(annals.shutdown().await.is_empty());
        assert!(begun.elapsed() < Duration::from_secs(9), "it does not sleep through a stop");
    };
    tokio::time::timeout(Duration::from_secs(60), story).await.expect("it does not hang");
}

/// Events of 100 kB: a batch is full after ten of them, whatever it may hold by their number.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_ends_at_a_number_of_bytes() {
    let story = async {
        let store = FaultyStore::new(Arc::new(MemoryStore::default()));
        let faults = store.faults().clone();
        let writer = Annals::on_shared(store.inner().clone()).events::<AccountEvent>();
        let writer = writer.start().await.unwrap();
        let mut position = annals::Position::START;
        for _ in 0..40 {
            let owner = "x".repeat(100_000);
            position = append(&writer, 1, vec![AccountEvent::Opened { owner }]).await;
        }
        let options =
            EngineOptions { page_events: 1, batch_bytes: 1_000_000, ..EngineOptions::default() };
        let annals = Annals::on(store).project(paced::P).engine_options(options);
        let annals = annals.start().await.unwrap();
        annals.wait_for(position, Duration::from_secs(20)).await.unwrap();
        let calls = faults.calls(Operation::Transact);
        // One or two make the table.
        assert!((5..=8).contains(&calls), "{calls} transactions for four batches");
        annals.shutdown().await;
    };
    tokio::time::timeout(Duration::from_secs(60), story).await.expect("it does not hang");
}
