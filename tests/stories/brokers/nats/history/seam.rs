//! The owner goes on while its history is taken in: what it tells then comes from history, from NATS, or from
//! both, and each fact has its effect once.

use std::sync::Arc;
use std::time::Duration;

use annals::EngineOptions;
use annals::outbox::Inbound;
use annals_tests::brokers::{Nats, client};
use annals_tests::facts::Deposits;

use super::{ACCOUNTS, Owner, at_end};
use crate::homes::{Home, quick};

/// How often each account gets something meanwhile, at least.
const ROUNDS: usize = 30;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_missed_and_nothing_comes_twice_at_the_seam() {
    let nats = Nats::start().await;
    Home::each(|home| {
        let nats = &nats;
        async move { story(nats, &home).await }
    })
    .await;
}

async fn story(nats: &Nats, home: &Home) {
    let owner = Owner::old(nats).await;
    let source = client::source(&nats.url(), &owner.place).await.expect("the options are right");
    let inbound = Inbound::on("taxes", source).history(Arc::new(owner.served.history()));
    let options = EngineOptions { page_events: 5 * ACCOUNTS, ..quick() };
    let copy = home.program().await.project_from(&inbound, Deposits).engine_options(options);
    let copy = copy.start().await.expect("it starts");

    let mut rounds = 0;
    // A round for each page, so that the end of history comes nearer.
    while rounds < ROUNDS || !at_end(&copy).await {
        let pages = owner.pages();
        for account in 1..=ACCOUNTS {
            owner.deposit(account).await;
        }
        rounds += 1;
        while owner.pages() == pages && !at_end(&copy).await {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
    owner.is_copied(&copy, home.name()).await;
    // And on, from NATS alone.
    let pages = owner.pages();
    owner.deposit(1).await;
    owner.is_copied(&copy, home.name()).await;
    assert_eq!(owner.pages(), pages, "on {}", home.name());
    assert!(copy.shutdown().await.is_empty());
    assert!(owner.bank.shutdown().await.is_empty());
}
