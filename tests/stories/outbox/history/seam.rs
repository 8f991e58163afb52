//! Between history and the broker, and across restarts.

use annals::outbox::{Inbound, MemoryBroker};
use annals::prelude::*;
use annals::{Annals, MemoryStore};
use tokio::sync::Semaphore;

use super::{
    ACCOUNTS, Accounts, Customer, Watched, all, bank, deposit, has, old_bank, public_log, shared,
};
use crate::homes::{Home, quick};
use crate::outbox::Customers;
use crate::outbox::services::wait;

/// The bank goes on while its history is taken in: what it tells then comes from history, from the broker, or from
/// both, and each fact has its effect once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_copy_has_what_the_broker_forgot_and_misses_nothing_at_the_seam() {
    Home::each(|home| async move {
        let (store, broker) = (MemoryStore::default(), MemoryBroker::default());
        old_bank(&store, 20).await;
        let bank = bank(&store, &broker).await;
        let history = Watched::new(public_log(&store), Semaphore::MAX_PERMITS);
        let writer = tokio::spawn({
            let bank = bank.clone();
            async move {
                for _ in 0..30 {
                    for account in 1..=ACCOUNTS {
                        deposit(&bank, account, 1).await;
                    }
                }
            }
        });
        let inbound = Inbound::new("taxes", broker.source(["accounts"])).history(history.clone());
        let copy = home.program().await.project_from(&inbound, Customers);
        let copy = copy.engine_options(quick()).start().await.unwrap();
        writer.await.unwrap();
        has(&copy, |account| all(account, 50)).await;
        // And on, from the broker alone.
        let pages = history.asked().len();
        deposit(&bank, 1, 3).await;
        has(&copy, |account| all(account, if account == 1 { 53 } else { 50 })).await;
        assert_eq!(history.asked().len(), pages, "on {}", home.name());
        copy.shutdown().await;
        bank.shutdown().await;
    })
    .await;
}

/// All that the broker has is in history, too.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_comes_from_both_is_absorbed() {
    let (store, broker) = (MemoryStore::default(), MemoryBroker::default());
    let first = bank(&store, &broker).await;
    first.shutdown().await;
    let bank = bank(&store, &broker).await;
    for account in 1..=ACCOUNTS {
        let opened = annals_tests::bank::AccountEvent::Opened { owner: "ann".to_owned() };
        super::append(&bank, account, vec![opened]).await;
        deposit(&bank, account, 8).await;
    }
    broker.watch().wait_for(|came| *came == u64::from(ACCOUNTS) * 10).await.unwrap();
    let inbound = Inbound::new("taxes", broker.source(["accounts"]));
    let inbound = inbound.history(std::sync::Arc::new(public_log(&store)));
    let copy = Annals::open("memory:").await.unwrap().project_from(&inbound, Customers);
    let copy = copy.engine_options(quick()).start().await.unwrap();
    has(&copy, |account| all(account, 8)).await;
    // What comes last comes from the broker, behind all that it had.
    deposit(&bank, 1, 1).await;
    has(&copy, |account| all(account, if account == 1 { 9 } else { 8 })).await;
    copy.shutdown().await;
    bank.shutdown().await;
}

/// No stop in the middle of history lets it begin again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_that_is_stopped_in_the_middle_goes_on_where_it_was() {
    Home::each(|home| async move {
        let (store, broker) = (MemoryStore::default(), MemoryBroker::default());
        old_bank(&store, 20).await;
        let bank = bank(&store, &broker).await;
        let history = Watched::new(public_log(&store), 0);
        let inbound = Inbound::new("taxes", broker.source(["accounts"])).history(history.clone());
        let start = async || {
            let copy = home.program().await.project_from(&inbound, Customers);
            copy.engine_options(quick()).start().await.unwrap()
        };
        for _ in 0..2 {
            let asked = history.asked().len();
            let copy = start().await;
            history.allowed.add_permits(2);
            // The third page is asked for when what came before it is written and noted.
            wait(async || history.asked().len() >= asked + 3).await;
            let asked = history.asked();
            assert!(asked.last() > Some(&0), "on {}: {asked:?}", home.name());
            copy.shutdown().await;
        }
        let before = history.asked();
        history.allowed.add_permits(1_000);
        let copy = start().await;
        deposit(&bank, 2, 1).await;
        has(&copy, |account| all(account, if account == 2 { 21 } else { 20 })).await;
        let asked = history.asked();
        assert_eq!(asked.iter().filter(|after| **after == 0).count(), 1, "{asked:?}");
        assert_eq!(asked.get(before.len()), before.last(), "on {}: {asked:?}", home.name());
        copy.shutdown().await;
        // When it is at its end, nothing is asked any more.
        let pages = history.asked().len();
        let copy = start().await;
        deposit(&bank, 2, 1).await;
        has(&copy, |account| all(account, if account == 2 { 22 } else { 20 })).await;
        assert_eq!(history.asked().len(), pages, "on {}", home.name());
        copy.shutdown().await;
        bank.shutdown().await;
    })
    .await;
}

/// Twice as much, so that it is seen which version made a row.
struct Doubled;

impl Projection for Doubled {
    type Event = crate::outbox::AccountFact;
    type Row = Customer;
    const VERSION: u32 = 2;

    fn fold(&self, account: &u32, row: &mut Option<Customer>, event: &Recorded<Self::Event>) {
        let cents = row.as_ref().map_or(0, |row| row.cents);
        Customers.fold(account, row, event);
        if let Some(row) = row {
            row.cents += row.cents - cents;
        }
    }
}

/// A raised version begins with history, too, beside the rows of the one before.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_raised_version_begins_history_anew() {
    Home::each(|home| async move {
        let (store, broker) = (MemoryStore::default(), MemoryBroker::default());
        old_bank(&store, 10).await;
        let forgets = MemoryBroker::default();
        let history = Watched::new(public_log(&store), Semaphore::MAX_PERMITS);
        let from = |broker: &MemoryBroker| {
            Inbound::new("taxes", broker.source(["accounts"])).history(history.clone())
        };
        let owner = bank(&store, &forgets).await;
        let copy = home.program().await.project_from(&from(&forgets), Customers);
        let copy = copy.engine_options(quick()).start().await.unwrap();
        deposit(&owner, 1, 1).await;
        has(&copy, |account| all(account, if account == 1 { 11 } else { 10 })).await;
        copy.shutdown().await;
        owner.shutdown().await;
        let owner = bank(&store, &broker).await;
        let copy = home.program().await.project_from(&from(&broker), Doubled);
        let copy = copy.engine_options(quick()).start().await.unwrap();
        deposit(&owner, 1, 1).await;
        has(&copy, |account| {
            let customer = all(account, if account == 1 { 12 } else { 10 });
            Customer { cents: customer.cents * 2, ..customer }
        })
        .await;
        let asked = history.asked();
        assert_eq!(asked.iter().filter(|after| **after == 0).count(), 2, "{asked:?}");
        copy.shutdown().await;
        owner.shutdown().await;
    })
    .await;
}

/// What was had under the old name is not had twice under the new one, which is another group at the broker.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_renamed_copy_goes_on() {
    struct Renamed;

    impl Projection for Renamed {
        type Event = crate::outbox::AccountFact;
        type Row = Customer;
        const NAME: &'static str = "clients";
        const FORMERLY: &'static [&'static str] = &["customers"];

        fn fold(&self, account: &u32, row: &mut Option<Customer>, event: &Recorded<Self::Event>) {
            Customers.fold(account, row, event);
        }
    }

    Home::each(|home| async move {
        let (store, broker) = (MemoryStore::default(), MemoryBroker::default());
        old_bank(&store, 5).await;
        let owner = Annals::on(store.clone()).publish(Accounts, shared(&broker));
        let owner = owner.engine_options(quick()).start().await.unwrap();
        let history = std::sync::Arc::new(public_log(&store));
        let inbound = Inbound::new("taxes", broker.source(["accounts"])).history(history);
        let copy = home.program().await.project_from(&inbound, Customers);
        let copy = copy.engine_options(quick()).start().await.unwrap();
        deposit(&owner, 1, 4).await;
        has(&copy, |account| all(account, if account == 1 { 9 } else { 5 })).await;
        copy.shutdown().await;
        let copy = home.program().await.project_from(&inbound, Renamed);
        let copy = copy.engine_options(quick()).start().await.unwrap();
        deposit(&owner, 1, 1).await;
        has(&copy, |account| all(account, if account == 1 { 10 } else { 5 })).await;
        copy.shutdown().await;
        owner.shutdown().await;
    })
    .await;
}
