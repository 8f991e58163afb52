//! Others write to the same stream.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use annals_core::store::StoreError;
use annals_core::{ErrorKind, ExecuteError, ExpectedVersion, JournalOptions, StreamId};
use annals_testkit::Operation;

use crate::bank::{Account, AccountError, Bank, ann, version};

/// Nobody gives up within it.
const LONG: Duration = Duration::from_secs(600);

#[tokio::test]
async fn after_a_conflict_the_command_is_decided_again_on_the_newer_state() {
    let mut one = Bank::open();
    let two = one.another();
    one.deposit(100).await;
    two.deposit(50).await;
    let decisions = AtomicU32::new(0);

    // The first process still believes that there are 100 cents.
    let receipt = one
        .journal
        .execute(&ann(), |account: &Account| {
            decisions.fetch_add(1, Ordering::SeqCst);
            account.withdraw(account.cents)
        })
        .await
        .expect("the second decision fits");

    assert_eq!(decisions.load(Ordering::SeqCst), 2);
    assert_eq!(receipt.version, version(3));
    assert_eq!(one.account().await.cents, 0);
    assert_eq!(two.account().await.cents, 0);
}

#[tokio::test]
async fn conflicts_without_end_are_given_up_and_nothing_is_written() {
    let soon = Duration::from_nanos(1);
    let bank = Bank::with(|options| JournalOptions { retry_conflicts_for: soon, ..options });
    bank.deposit(100).await;
    bank.faults().reset_calls();
    for nth in 1..=2 {
        bank.faults().fail_next(Operation::Append, nth, conflict());
    }

    let result = bank.journal.execute(&ann(), |account: &Account| account.deposit(1)).await;

    let error = result.expect_err("it gives up");
    match &error {
        ExecuteError::Conflict { stream, expected, actual, attempts, asked } => {
            assert_eq!(stream.as_str(), "account-ann");
            assert_eq!((*expected, *actual), (version(1), version(9)));
            assert_eq!((*attempts, *asked), (2, false), "one that took long may be tried again");
        }
        other => panic!("it gives up, and says {other:?}"),
    }
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert!(error.to_string().contains("`retry_conflicts_for`"), "{error}");
    assert_eq!(bank.faults().calls(Operation::Append), 2);
    assert_eq!(bank.stored().await.len(), 1);
    bank.deposit(1).await;
    assert_eq!(bank.account().await.cents, 101, "the next command starts afresh");
}

#[tokio::test]
async fn the_time_is_the_bound_and_not_the_number_of_attempts() {
    let bank = Bank::with(|options| JournalOptions { retry_conflicts_for: LONG, ..options });
    for nth in 1..=200 {
        bank.faults().fail_next(Operation::Append, nth, conflict());
    }
    assert_eq!(bank.deposit(1).await.version, version(1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn eight_processes_lose_no_deposit() {
    let mut first = Bank::open();
    let tellers: Vec<_> = (0..8)
        .map(|_| {
            let teller = first.another();
            tokio::spawn(async move {
                for _ in 0..10 {
                    let deposit = |account: &Account| account.deposit(1);
                    // The default time may be over on a machine that is busy otherwise.
                    while let Err(error) = teller.journal.execute(&ann(), deposit).await {
                        assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
                    }
                }
            })
        })
        .collect();
    for teller in tellers {
        teller.await.expect("no teller fails");
    }
    assert_eq!(first.account().await.cents, 80);
    assert_eq!(first.stored().await.len(), 80);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_one_process_commands_wait_for_each_other_instead_of_conflicting() {
    let bank = std::sync::Arc::new(Bank::open());
    let tellers: Vec<_> = (0..8)
        .map(|_| {
            let bank = bank.clone();
            tokio::spawn(async move {
                for _ in 0..10 {
                    bank.deposit(1).await;
                }
            })
        })
        .collect();
    for teller in tellers {
        teller.await.expect("no deposit fails");
    }
    assert_eq!(bank.account().await.cents, 80);
    assert_eq!(bank.faults().calls(Operation::Append), 80, "no append was in vain");
}

#[tokio::test]
async fn a_refusal_of_the_domain_writes_nothing() {
    let bank = Bank::open();
    bank.deposit(100).await;
    bank.faults().reset_calls();

    let refused = bank.journal.execute(&ann(), |account: &Account| account.withdraw(101)).await;

    match refused {
        Err(ExecuteError::Domain(error)) => {
            assert_eq!(error, AccountError::Insufficient { left: 100 });
        }
        other => panic!("the domain refuses, and the answer is {other:?}"),
    }
    assert_eq!(bank.faults().calls(Operation::Append), 0);
    assert_eq!(bank.stored().await.len(), 1);
}

#[tokio::test]
async fn nobody_is_refused_because_of_an_old_state() {
    let mut one = Bank::open();
    let two = one.another();
    one.deposit(100).await;
    two.deposit(400).await;

    // The first process knows of 100 cents only; before it refuses, it looks.
    let receipt = one.journal.execute(&ann(), |account: &Account| account.withdraw(500)).await;

    assert_eq!(receipt.expect("there are 500 cents").version, version(3));
    let refused = one.journal.execute(&ann(), |account: &Account| account.withdraw(1)).await;
    match refused {
        Err(ExecuteError::Domain(error)) => {
            assert_eq!(error, AccountError::Insufficient { left: 0 });
        }
        other => panic!("the domain refuses, and the answer is {other:?}"),
    }
}

#[tokio::test]
async fn nothing_to_do_is_decided_on_the_newest_state_too() {
    let mut one = Bank::open();
    let two = one.another();
    let open = |account: &Account| account.open("ann");
    let close = |_: &Account| -> Result<_, AccountError> {
        Ok(crate::bank::Opened { owner: "nobody".to_owned() })
    };
    one.journal.execute(&ann(), open).await.expect("it is new");
    two.journal.execute(&ann(), close).await.expect("it is renamed");

    let nothing = one.journal.execute(&ann(), open).await.expect("it is open already");

    assert_eq!((nothing.events.len(), nothing.version), (0, version(2)));
    assert_eq!(one.account().await.owner.as_deref(), Some("nobody"));
}

fn conflict() -> StoreError {
    StoreError::Conflict {
        stream: StreamId::parse("account-ann").expect("a stream name"),
        expected: ExpectedVersion::Exact(version(1)),
        actual: version(9),
    }
}
