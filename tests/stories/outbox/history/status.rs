//! What is told of a history that does not come, and of one that cannot.

use std::sync::atomic::Ordering;

use annals::outbox::{Inbound, MemoryBroker};
use annals::{Annals, ErrorKind, MemoryStore};
use tokio::sync::Semaphore;

use super::{Watched, all, bank, has, old_bank, public_log};
use crate::homes::{Home, deposit, quick};
use crate::outbox::Customers;
use crate::outbox::services::{consumers, wait};

/// It waits, says for whom, parks nothing, and goes on by itself.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_owner_that_is_down_only_delays() {
    Home::each(|home| async move {
        let (store, broker) = (MemoryStore::default(), MemoryBroker::default());
        old_bank(&store, 5).await;
        let bank = bank(&store, &broker).await;
        let history = Watched::new(public_log(&store), Semaphore::MAX_PERMITS);
        history.down.store(true, Ordering::SeqCst);
        let inbound = Inbound::new("taxes", broker.source(["accounts"])).history(history.clone());
        let copy = home.program().await.project_from(&inbound, Customers);
        let copy = copy.engine_options(quick()).start().await.unwrap();
        wait(async || {
            let status = consumers(&copy).await.remove(0);
            let told = "blocked: waiting for the history of the bank: nobody is at home";
            status.trouble.iter().any(|trouble| trouble.contains(told))
        })
        .await;
        // What the broker has by now waits, too: it follows.
        deposit(&bank, 1, 1).await;
        assert_eq!(copy.read::<super::Customer>().count().await.unwrap(), 0);
        history.down.store(false, Ordering::SeqCst);
        has(&copy, |account| all(account, if account == 1 { 6 } else { 5 })).await;
        wait(async || consumers(&copy).await.remove(0).trouble.is_empty()).await;
        copy.shutdown().await;
        bank.shutdown().await;
    })
    .await;
}

/// History cannot be shared out, and that is told before anything runs.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn partitions_and_history_are_refused_at_start() {
    let (store, broker) = (MemoryStore::default(), MemoryBroker::default());
    let inbound = Inbound::new("taxes", broker.source(["accounts"])).partitions(2);
    let inbound = inbound.history(std::sync::Arc::new(public_log(&store)));
    let refused = Annals::open("memory:").await.unwrap().project_from(&inbound, Customers);
    let refused = refused.start().await.expect_err("it must not start");
    assert_eq!(refused.kind(), ErrorKind::Invalid);
    let text = refused.to_string();
    assert!(text.contains("the history of /bank (route `accounts-out`)"), "{text}");
    assert!(text.contains("into 2: history has no lanes"), "{text}");
}
