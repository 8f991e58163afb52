//! A command that was decided by somebody who saw a certain version.

use annals_core::ExecuteError;
use annals_testkit::Operation;

use crate::bank::{Account, Bank, ann, version};

#[tokio::test]
async fn at_its_version_it_is_executed() {
    let bank = Bank::open();
    let deposit = |account: &Account| account.deposit(5);
    let first = bank.journal.execute(&ann(), deposit).at(version(0)).await.expect("it is new");
    let second = bank.journal.execute(&ann(), deposit).at(first.version).await;
    assert_eq!(second.expect("nobody wrote in between").version, version(2));
}

#[tokio::test]
async fn at_another_version_it_is_not_even_decided() {
    let mut bank = Bank::open();
    bank.deposit(100).await;
    bank.another().deposit(50).await;
    bank.faults().reset_calls();

    let undecided = |_: &Account| -> Result<Vec<_>, _> { panic!("it must not be decided") };
    let result = bank.journal.execute(&ann(), undecided).at(version(1)).await;

    let error = result.expect_err("the version is another");
    match &error {
        ExecuteError::Conflict { expected, actual, attempts, asked, .. } => {
            assert_eq!((*expected, *actual, *attempts), (version(1), version(2), 1));
            assert!(asked);
        }
        other => panic!("the version is another, and the answer is {other:?}"),
    }
    // Trying again later never helps; it is what a conflict between writers is told.
    assert!(error.to_string().contains("load it again"), "{error}");
    assert!(!error.to_string().contains("later"), "{error}");
    assert_eq!(bank.faults().calls(Operation::Append), 0);
}

#[tokio::test]
async fn a_cached_state_that_is_behind_does_not_refuse_it() {
    let mut bank = Bank::open();
    bank.deposit(100).await;
    bank.another().deposit(50).await;
    let withdraw = |account: &Account| account.withdraw(150);
    let receipt = bank.journal.execute(&ann(), withdraw).at(version(2)).await;
    assert_eq!(receipt.expect("the stream is at version 2").version, version(3));
}

#[tokio::test]
async fn a_conflict_in_the_last_moment_is_not_retried() {
    let mut bank = Bank::open();
    let other = bank.another();
    bank.deposit(100).await;
    let mut held = bank.faults().hold(Operation::Append, 1);
    let command = tokio::spawn({
        let journal = bank.journal.clone();
        async move {
            let withdraw = |account: &Account| account.withdraw(1);
            journal.execute(&ann(), withdraw).at(version(1)).await
        }
    });
    held.reached().await;
    other.deposit(50).await;
    held.release();

    let result = command.await.expect("no panic");

    assert!(matches!(result, Err(ExecuteError::Conflict { attempts: 1, .. })), "{result:?}");
    assert_eq!(bank.account().await.cents, 150);
}
