//! A lost reply is never taken for a failure, and never for a success.

use std::time::Duration;

use annals_core::store::StoreError;
use annals_core::{ExecuteError, JournalOptions};
use annals_testkit::Operation;

use crate::bank::{Account, Bank, ann, version};

/// Learns what became of an append by one more try.
fn impatient(options: JournalOptions) -> JournalOptions {
    JournalOptions { resolve_for: Duration::ZERO, ..options }
}

#[tokio::test]
async fn a_command_whose_reply_was_lost_has_its_effect_once() {
    let bank = Bank::open();
    bank.faults().lose_reply(Operation::Append, 1);

    let receipt = bank.deposit(100).await;

    assert!(!receipt.repeated, "to its caller it is the first");
    let stored = bank.stored().await;
    assert_eq!(stored.len(), 1);
    assert_eq!(receipt.event_ids, [stored[0].id]);
    assert_eq!((receipt.version, receipt.position), (stored[0].version, stored[0].position));
    assert_eq!(bank.deposit(1).await.version, version(2), "the cached state is right");
}

#[tokio::test]
async fn a_command_whose_request_was_lost_is_executed_once() {
    let bank = Bank::open();
    bank.faults().lose_request(Operation::Append, 1);
    let receipt = bank.deposit(100).await;
    assert!(!receipt.repeated);
    assert_eq!(bank.stored().await.len(), 1);
    assert_eq!(bank.deposit(1).await.version, version(2));
}

#[tokio::test]
async fn with_a_key_it_is_the_same() {
    let bank = Bank::open();
    let deposit = |account: &Account| account.deposit(100);
    for key in ["reply", "request"] {
        if key == "reply" {
            bank.faults().lose_reply(Operation::Append, 1);
        } else {
            bank.faults().lose_request(Operation::Append, 1);
        }
        let receipt = bank.journal.execute(&ann(), deposit).idempotency_key(key).await;
        let receipt = receipt.expect("never refused");
        assert_eq!((receipt.events.len(), receipt.event_ids.len()), (1, 1), "{key}");
        let stored = bank.stored().await.pop().expect("it is stored");
        assert_eq!(receipt.event_ids, [stored.id], "{key}");
    }
    assert_eq!(bank.account().await.cents, 200);
    assert_eq!(bank.deposit(1).await.version, version(3));
}

#[tokio::test]
async fn an_append_that_arrives_twice_has_its_effect_once() {
    let bank = Bank::open();
    bank.faults().duplicate(1);
    assert_eq!(bank.deposit(100).await.version, version(1));
    assert_eq!(bank.stored().await.len(), 1);
    assert_eq!(bank.deposit(1).await.version, version(2));
}

#[tokio::test]
async fn when_nothing_comes_through_the_outcome_is_unknown_and_says_what_to_look_for() {
    let bank = Bank::with(impatient);
    bank.deposit(1).await;
    for nth in 1..=2 {
        bank.faults().lose_reply(Operation::Append, nth);
    }
    bank.faults().reset_calls();

    let result = bank.journal.execute(&ann(), |account: &Account| account.deposit(100)).await;

    let stored = bank.stored().await;
    assert_eq!(stored.len(), 2, "it was written, though nobody could tell");
    match result {
        Err(ExecuteError::OutcomeUnknown { event_ids, source }) => {
            assert_eq!(event_ids, [stored[1].id]);
            assert!(source.may_have_written());
        }
        other => panic!("nobody can know, and the answer is {other:?}"),
    }
    assert_eq!(bank.faults().calls(Operation::Append), 2, "trying is bounded");
}

#[tokio::test]
async fn after_an_unknown_outcome_the_state_is_read_again() {
    let mut broken = Bank::with(impatient);
    broken.deposit(1).await;
    for nth in 1..=2 {
        broken.faults().lose_reply(Operation::Append, nth);
    }
    let deposit = |account: &Account| account.deposit(100);
    let unknown = broken.journal.execute(&ann(), deposit).await;
    assert!(matches!(unknown, Err(ExecuteError::OutcomeUnknown { .. })), "{unknown:?}");
    broken.another().deposit(10).await;

    let all = broken.journal.execute(&ann(), |account: &Account| account.withdraw(account.cents));

    assert_eq!(all.await.expect("there is something").version, version(4));
    assert_eq!(broken.account().await.cents, 0);
}

#[tokio::test]
async fn a_lost_request_that_others_have_overtaken_is_decided_again() {
    let mut bank = Bank::open();
    let other = bank.another();
    bank.deposit(100).await;
    bank.faults().lose_request(Operation::Append, 1);
    let mut held = bank.faults().hold(Operation::Append, 2);
    let command = tokio::spawn({
        let journal = bank.journal.clone();
        let all = |account: &Account| account.withdraw(account.cents);
        async move { journal.execute(&ann(), all).await }
    });
    held.reached().await;
    other.deposit(50).await;
    held.release();

    let receipt = command.await.expect("no panic").expect("it fits the second time");

    assert_eq!(receipt.version, version(3));
    assert_eq!(bank.account().await.cents, 0);
}

#[tokio::test]
async fn a_failure_that_wrote_nothing_is_no_unknown_outcome() {
    let bank = Bank::open();
    bank.deposit(1).await;
    let full = StoreError::Full { place: "/data".to_owned() };
    bank.faults().fail_next(Operation::Append, 1, full);
    let result = bank.journal.execute(&ann(), |account: &Account| account.deposit(100)).await;
    let error = result.expect_err("there is no room");
    assert!(matches!(error, ExecuteError::Store(StoreError::Full { .. })), "{error:?}");
    assert_eq!(bank.deposit(1).await.version, version(2), "the cached state is right");
}
