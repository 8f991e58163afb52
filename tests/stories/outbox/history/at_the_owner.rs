//! What the owner tells of its log.

use std::sync::Arc;

use annals::outbox::{Address, Envelope, History, HistoryError, MemoryBroker, PublicLog, Route};
use annals::prelude::*;
use annals::{Annals, MemoryStore, OnFailure, Position};
use annals_tests::bank::AccountEvent;

use crate::homes::{Home, append, deposit, quick};
use crate::outbox::{AccountFact, Accounts, shared};

/// All pages of a log, with so many events each.
async fn told(log: &PublicLog, limit: usize) -> Vec<(Position, annals::outbox::Message)> {
    let (mut all, mut after) = (Vec::new(), Position::START);
    loop {
        let page = log.page(after, limit).await.expect("it can be read");
        assert!(page.messages.iter().all(|(at, _)| *at > after && *at <= page.next));
        all.extend(page.messages);
        after = page.next;
        if page.at_end {
            return all;
        }
    }
}

/// To the letter, whatever the size of a page, on every store.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_tells_what_the_relay_sends() {
    Home::each(|home| async move {
        let broker = MemoryBroker::default();
        let bank = home.program().await.publish(Accounts, shared(&broker)).engine_options(quick());
        let bank = bank.start().await.unwrap();
        append(&bank, 1, vec![AccountEvent::Closed]).await;
        for round in 1..=3 {
            append(&bank, 1, vec![AccountEvent::Opened { owner: "ann".to_owned() }]).await;
            deposit(&bank, 1, round).await;
            append(&bank, 1, vec![AccountEvent::Closed, AccountEvent::Closed]).await;
        }
        broker.watch().wait_for(|came| *came == 12).await.unwrap();
        let log = PublicLog::new(Accounts, bank.stores().log().clone());
        for limit in [1, 2, 7, 10_000] {
            let messages: Vec<_> =
                told(&log, limit).await.into_iter().map(|(_, message)| message).collect();
            assert_eq!(messages, broker.messages("accounts"), "by {limit} on {}", home.name());
        }
        assert!(told(&log.clone().to([Address::new("elsewhere")]), 5).await.is_empty());
        assert_eq!(told(&log.to([Address::new("accounts")]), 5).await.len(), 12);
        bank.shutdown().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_lost_its_end_is_not_taken_for_one_that_is_at_its_end() {
    let log = PublicLog::new(Accounts, Arc::new(MemoryStore::default()));
    assert!(log.page(Position::START, 10).await.expect("it is empty").at_end);
    let beyond = log.page(Position::new(7), 10).await.expect_err("there is no such place");
    assert!(matches!(beyond, HistoryError::Beyond { .. }));
    assert!(beyond.to_string().contains("ends at position 0"), "{beyond}");
}

/// Says no place for what became of withdrawals.
struct Placeless<const SKIPS: bool>;

impl<const SKIPS: bool> Route for Placeless<SKIPS> {
    type Event = AccountEvent;
    type Public = AccountFact;
    const NAME: &'static str = "placeless";
    const ENVELOPE: Envelope = Envelope::CloudEventsBinary;
    const ON_FAILURE: OnFailure = if SKIPS { OnFailure::Skip } else { OnFailure::Park };

    fn source(&self) -> String {
        "/bank".to_owned()
    }

    fn places(&self) -> Vec<Address> {
        vec![Address::new("accounts")]
    }

    fn place(&self, event: &Recorded<AccountEvent>, _: &AccountFact) -> Option<Address> {
        let withdrawn = matches!(event.data, AccountEvent::Withdrawn { .. });
        (!withdrawn).then(|| Address::new("accounts"))
    }

    fn publish(&self, event: &Recorded<AccountEvent>) -> Vec<AccountFact> {
        Accounts.publish(event)
    }
}

/// What comes before it can be had, and then it is told which it is and why; unless the route skips such events.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_that_cannot_be_told_is_named() {
    let store = MemoryStore::default();
    let bank = Annals::on(store.clone()).events::<AccountEvent>().start().await.unwrap();
    deposit(&bank, 1, 2).await;
    append(&bank, 1, vec![AccountEvent::Withdrawn { cents: 1 }]).await;
    deposit(&bank, 1, 1).await;
    let log = PublicLog::new(Placeless::<false>, Arc::new(store.clone()));
    let page = log.page(Position::START, 10).await.expect("two are told");
    assert_eq!((page.messages.len(), page.next.get(), page.at_end), (2, 2, false));
    let refused = log.page(page.next, 10).await.expect_err("it has no place").to_string();
    assert!(refused.contains("position 3 (`account-1`, version 3)"), "{refused}");
    assert!(refused.contains("says no place for it"), "{refused}");
    let skips = PublicLog::new(Placeless::<true>, Arc::new(store));
    let page = skips.page(Position::START, 10).await.expect("it is skipped");
    assert_eq!((page.messages.len(), page.at_end), (3, true));
    bank.shutdown().await;
}
