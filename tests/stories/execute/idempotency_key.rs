//! The same command twice has one effect.

use annals_core::store::StoreError;
use annals_core::{ExecuteError, Receipt};
use annals_testkit::Operation;

use crate::bank::{Account, Bank, Deposited, ann, version};

#[tokio::test]
async fn the_same_key_returns_the_first_receipt() {
    let mut bank = Bank::open();
    bank.deposit(1).await;
    let twice = |account: &Account| account.deposit(5).map(|event| [event.clone(), event]);
    let first = bank.journal.execute(&ann(), twice).idempotency_key("order 7").await;
    let first = first.expect("never refused");
    assert!(!first.repeated);
    bank.deposit(2).await;

    // In this process and in another, where no cache helps; whatever it would decide now.
    let other = bank.another();
    for journal in [&bank.journal, &other.journal] {
        let again = |account: &Account| account.withdraw(1_000_000);
        let second = journal.execute(&ann(), again).idempotency_key("order 7").await;
        let second = second.expect("it has been executed");
        assert_eq!(second, Receipt { repeated: true, ..first.clone() });
    }
    assert_eq!(bank.account().await.cents, 13);
}

#[tokio::test]
async fn a_key_that_was_used_for_another_aggregate_is_a_mistake() {
    let bank = Bank::open();
    let deposit = |account: &Account| account.deposit(5);
    bank.journal.execute(&ann(), deposit).idempotency_key("k").await.expect("never refused");

    let reused = bank.journal.execute(&"bob".to_owned(), deposit).idempotency_key("k").await;

    match reused {
        Err(ExecuteError::Store(StoreError::KeyReused { key, first, .. })) => {
            assert_eq!((key.as_str(), first.as_str()), ("k", "account-ann"));
        }
        other => panic!("the key is ann's, and the answer is {other:?}"),
    }
    assert_eq!(bank.stored().await.len(), 1);
}

#[tokio::test]
async fn a_refused_command_may_be_tried_again() {
    let bank = Bank::open();
    let withdraw = |account: &Account| account.withdraw(5);
    let refused = bank.journal.execute(&ann(), withdraw).idempotency_key("k").await;
    assert!(matches!(refused, Err(ExecuteError::Domain(_))));
    bank.deposit(10).await;
    let done = bank.journal.execute(&ann(), withdraw).idempotency_key("k").await;
    assert!(!done.expect("there are 10 cents").repeated);
    assert_eq!(bank.account().await.cents, 5);
}

#[tokio::test]
async fn deciding_that_nothing_is_to_be_done_is_remembered() {
    let bank = Bank::open();
    bank.deposit(10).await;
    let nothing = |_: &Account| Ok(vec![]);
    let first = bank.journal.execute(&ann(), nothing).idempotency_key("k").await;
    let first = first.expect("never refused");
    assert_eq!((first.events.len(), first.version, first.position.get()), (0, version(1), 1));
    let deposit = |account: &Account| account.deposit(10);
    let second = bank.journal.execute(&ann(), deposit).idempotency_key("k").await;
    assert_eq!(second.expect("it is recorded"), Receipt { repeated: true, ..first });
    assert_eq!(bank.account().await.cents, 10);
}

#[tokio::test]
async fn a_key_has_a_length() {
    let bank = Bank::open();
    let deposit = |account: &Account| account.deposit(5);
    for key in [String::new(), "k".repeat(256)] {
        let result = bank.journal.execute(&ann(), deposit).idempotency_key(key).await;
        assert!(matches!(result, Err(ExecuteError::InvalidKey(_))), "{result:?}");
    }
    assert!(bank.stored().await.is_empty());
}

#[tokio::test]
async fn two_processes_with_the_same_key_at_once_have_one_effect() {
    let mut bank = Bank::open();
    let other = bank.another();
    let deposit = |account: &Account| account.deposit(5);
    // Both have seen that the key is free; the first is held before its append.
    let mut held = bank.faults().hold(Operation::Append, 1);
    let late = tokio::spawn({
        let journal = bank.journal.clone();
        async move { journal.execute(&ann(), deposit).idempotency_key("k").await }
    });
    held.reached().await;
    let first = other.journal.execute(&ann(), deposit).idempotency_key("k").await;
    let first = first.expect("never refused");
    held.release();

    let second = late.await.expect("no panic").expect("it has been executed");

    assert_eq!(second, Receipt { repeated: true, ..first });
    assert_eq!(bank.stored().await.len(), 1);
}

#[tokio::test]
async fn a_lost_request_that_another_process_has_overtaken_returns_its_receipt() {
    let mut bank = Bank::open();
    let other = bank.another();
    bank.faults().lose_request(Operation::Append, 1);
    let mut held = bank.faults().hold(Operation::Append, 2);
    let late = tokio::spawn({
        let journal = bank.journal.clone();
        let deposit = |account: &Account| account.deposit(5);
        async move { journal.execute(&ann(), deposit).idempotency_key("k").await }
    });
    held.reached().await;
    let deposit = |account: &Account| account.deposit(7);
    let first = other.journal.execute(&ann(), deposit).idempotency_key("k").await;
    let first = first.expect("never refused");
    held.release();

    let second = late.await.expect("no panic").expect("it has been executed");

    assert_eq!(second.events, [Deposited { cents: 7 }], "what happened, not what was decided");
    assert_eq!(second.event_ids, first.event_ids);
    assert_eq!(bank.account().await.cents, 7);
    bank.deposit(1).await;
    assert_eq!(bank.account().await.cents, 8, "no wrong state was cached");
}
