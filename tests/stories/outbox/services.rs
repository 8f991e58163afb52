//! Two services with a database each, and a broker between them.

use std::time::Duration;

use annals::outbox::{Address, Inbound, MemoryBroker, Message, PublishError, Published, Publisher};
use annals::{Annals, EngineOptions, ops};
use annals_tests::bank::AccountEvent;

use super::{Accounts, Customer, Customers, shared};
use crate::homes::{Home, append, deposit, quick, stream};

/// Waits until the other service knows so many facts of an account.
async fn knows(service: &Annals, account: u32, facts: i64) -> Customer {
    loop {
        let row = service.read::<Customer>().get(&account).await.expect("it can be read");
        match row {
            Some(row) if row.facts >= facts => return row,
            _ => tokio::time::sleep(Duration::from_millis(5)).await,
        }
    }
}

pub(super) async fn consumers(annals: &Annals) -> Vec<ops::ConsumerStatus> {
    ops::consumers(&**annals.stores().work()).await.expect("they can be read")
}

fn opened(owner: &str) -> Vec<AccountEvent> {
    vec![AccountEvent::Opened { owner: owner.to_owned() }]
}

pub(super) async fn wait(until: impl AsyncFn() -> bool) {
    while !until().await {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Everything that is sent twice, because answers are lost and a relay begins anew, has its effect once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_fact_has_its_effect_once() {
    Home::each(|there| async move {
        let broker = MemoryBroker::default();
        let bank = there.program().await.publish(Accounts, shared(&broker)).engine_options(quick());
        let bank = bank.start().await.unwrap();
        let elsewhere = async |name| {
            let inbound = Inbound::new(name, broker.source(["accounts"]));
            let memory = Annals::open("memory:").await.unwrap();
            memory.project_from(&inbound, Customers).engine_options(quick()).start().await.unwrap()
        };
        let service = elsewhere("taxes").await;
        for account in 1..=5 {
            append(&bank, account, opened("ann")).await;
        }
        for round in 0..10 {
            if round % 3 == 0 {
                broker.lose_answers(2);
            }
            for account in 1..=5 {
                deposit(&bank, account, 4).await;
            }
        }
        for account in 1..=5 {
            let row = knows(&service, account, 42).await;
            let ann = Customer { account, owner: "ann".to_owned(), cents: 40, facts: 42 };
            assert_eq!(row, ann, "on {}", there.name());
        }
        assert!(broker.messages("accounts").len() > 5 * 42, "some were sent again");
        // Others are independent, and begin with the first.
        let other = elsewhere("adverts").await;
        knows(&other, 5, 42).await;
        bank.shutdown().await;
        service.shutdown().await;
        other.shutdown().await;
    })
    .await;
}

/// However long it lasts, nothing is parked, and the backlog comes in order.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_is_down_only_delays() {
    Home::each(|home| async move {
        let broker = MemoryBroker::default();
        broker.go_down("somebody pulled the plug");
        let options = EngineOptions { retry_in_place: Duration::from_millis(10), ..quick() };
        let bank = home.program().await.publish(Accounts, shared(&broker)).engine_options(options);
        let bank = bank.start().await.unwrap();
        deposit(&bank, 1, 50).await;
        wait(async || {
            let status = consumers(&bank).await.remove(0);
            status.trouble.iter().any(|trouble| trouble.contains("pulled the plug"))
        })
        .await;
        let status = consumers(&bank).await.remove(0);
        assert_eq!((status.kind.as_str(), status.parked_keys), ("relay", 0));
        assert!(status.trouble.iter().any(|trouble| trouble.contains("blocked")), "{status:?}");
        broker.come_up();
        let mut came = broker.watch();
        came.wait_for(|came| *came >= 50).await.unwrap();
        let versions: Vec<_> = broker
            .messages("accounts")
            .iter()
            .map(|message| String::from_utf8_lossy(&message.body).into_owned())
            .collect();
        for (number, message) in (1..).zip(&versions) {
            assert!(message.contains(&format!("\"streamversion\":\"{number}\"")), "{message}");
        }
        bank.shutdown().await;
    })
    .await;
}

/// It parks its own key; with a larger limit it goes, before what came after it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_is_refused_parks_its_key() {
    Home::each(|home| async move {
        let broker = MemoryBroker::default();
        broker.take_at_most(5_000);
        let bank = home.program().await.publish(Accounts, shared(&broker)).engine_options(quick());
        let bank = bank.start().await.unwrap();
        append(&bank, 1, opened(&"x".repeat(10_000))).await;
        deposit(&bank, 1, 1).await;
        deposit(&bank, 2, 1).await;
        broker.watch().wait_for(|came| *came == 1).await.unwrap();
        assert_eq!(broker.messages("accounts")[0].key, "account-2");
        wait(async || consumers(&bank).await[0].parked_keys == 1).await;
        let parked = ops::parked(&**bank.stores().work(), "accounts-out").await.unwrap();
        assert_eq!(parked[0].key, stream(1).as_str());
        assert!(parked[0].reason.contains("5000 are taken"), "{}", parked[0].reason);
        bank.shutdown().await;
    })
    .await;
}

/// A fact that the other service cannot take waits there with those that follow it, and heals in order.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fact_that_cannot_be_taken_waits_with_its_body() {
    Home::each(|home| async move {
        let broker = MemoryBroker::default();
        let bank = Annals::open("memory:").await.unwrap().events::<AccountEvent>();
        let bank = bank.publish(Accounts, shared(&broker)).start().await.unwrap();
        let inbound = Inbound::new("taxes", broker.source(["accounts"]));
        let options = EngineOptions { retry_in_place: Duration::from_millis(10), ..quick() };
        let service = home.program().await.project_from(&inbound, Customers);
        let service = service.engine_options(options).start().await.unwrap();
        append(&bank, 1, vec![AccountEvent::Deposited { cents: 13 }]).await;
        deposit(&bank, 1, 2).await;
        deposit(&bank, 2, 3).await;
        assert_eq!(knows(&service, 2, 3).await.cents, 3);
        wait(async || consumers(&service).await[0].parked_keys == 1).await;
        assert_eq!(service.read::<Customer>().get(&1).await.unwrap(), None);
        service.shutdown().await;
        // Everything that was received is had: what waits, waits here.
        assert_eq!(broker.messages("accounts").len(), 6);
        bank.shutdown().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_has_no_history_says_so() {
    let broker = MemoryBroker::default();
    let inbound = Inbound::new("taxes", broker.source(["accounts"]));
    let service = Annals::open("memory:").await.unwrap().project_from(&inbound, Customers);
    let service = service.start().await.unwrap();
    let refused = service.rebuild::<Customers>().await.unwrap_err().to_string();
    assert!(refused.contains("`accounts` on memory:"), "{refused}");
    assert!(broker.broker().starts_with("memory"));
    service.shutdown().await;
}

/// What was sent goes once more, with the same ids, and has no effect a second time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replay_is_absorbed() {
    Home::each(|home| async move {
        let broker = MemoryBroker::default();
        let bank = home.program().await.publish(Accounts, shared(&broker)).engine_options(quick());
        let bank = bank.start().await.unwrap();
        let inbound = Inbound::new("taxes", broker.source(["accounts"]));
        let service = Annals::open("memory:").await.unwrap().project_from(&inbound, Customers);
        let service = service.engine_options(quick()).start().await.unwrap();
        deposit(&bank, 1, 10).await;
        knows(&service, 1, 10).await;
        let ids = |from: usize| -> std::collections::BTreeSet<String> {
            broker.messages("accounts").into_iter().skip(from).map(|message| message.id).collect()
        };
        let (first, sent) = (ids(0), broker.messages("accounts").len());
        let work = bank.stores().work().clone();
        let asked = ops::Ask::Replay(annals::Position::new(4));
        ops::ask(&*work, "accounts-out", &asked, ("ann", "lost")).await.unwrap();
        broker.watch().wait_for(|came| *came >= sent as u64 + 7).await.unwrap();
        deposit(&bank, 1, 1).await;
        let row = knows(&service, 1, 11).await;
        assert_eq!((row.facts, row.cents), (11, 11), "on {}", home.name());
        let again = ids(sent);
        assert_eq!(again.len(), 8, "seven old ones and a new one");
        assert_eq!(again.difference(&first).count(), 1);
        bank.shutdown().await;
        service.shutdown().await;
    })
    .await;
}

/// Red by itself, once the oldest event has waited for too long.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_sent_for_long_is_trouble() {
    let broker = MemoryBroker::default();
    let options = annals::outbox::RelayOptions {
        late_after: Duration::from_millis(50),
        ..Default::default()
    };
    let home = Home::Memory(annals::MemoryStore::default());
    let engine = EngineOptions { lease: Duration::from_millis(600), ..quick() };
    let hangs = std::sync::Arc::new(Hangs(broker.clone()));
    let bank = home.program().await.publish_with(Accounts, hangs, options).engine_options(engine);
    let bank = bank.start().await.unwrap();
    deposit(&bank, 1, 1).await;
    wait(async || {
        let trouble = consumers(&bank).await.remove(0).trouble;
        trouble.iter().any(|trouble| trouble.contains("waits for longer than 50ms"))
    })
    .await;
    assert!(!bank.health().await.ready);
    drop(bank);
}

/// Takes a message and never answers.
struct Hangs(MemoryBroker);

#[annals::async_trait]
impl Publisher for Hangs {
    fn broker(&self) -> &str {
        self.0.broker()
    }

    async fn prepare(&self, places: &[Address]) -> Result<(), PublishError> {
        self.0.prepare(places).await
    }

    async fn publish(&self, _: &Address, _: &Message) -> Result<Published, PublishError> {
        std::future::pending().await
    }
}
