//! A refusal that is to be remembered: whoever asks again, even after a crash and when it would be
//! executed by now, hears the same.

use annals_core::store::{CommandOutcome, MAX_REFUSAL_BYTES, StoreError};
use annals_core::{ErrorKind, ExecuteError};
use annals_testkit::Operation;

use super::stage::{Process, on_every_store};
use crate::bank::{Account, AccountError, ann};

type Told = Result<annals_core::Receipt<crate::bank::AccountEvent>, ExecuteError<AccountError>>;

async fn withdraw(process: &Process, key: &str) -> Told {
    let withdraw = |account: &Account| account.withdraw(100);
    process.journal.execute(&ann(), withdraw).idempotency_key(key).remember_refusal().await
}

async fn deposit(process: &Process) {
    let deposit = |account: &Account| account.deposit(100);
    process.journal.execute(&ann(), deposit).await.expect("never refused");
}

fn assert_refused_before(told: Told, name: &str) {
    let error = told.expect_err("it was refused before");
    assert_eq!(error.kind(), ErrorKind::Refused, "{name}: {error}");
    match error {
        ExecuteError::Store(StoreError::RefusedBefore { key, refusal }) => {
            assert_eq!((key.as_str(), refusal.as_str()), ("k", "only 0 cents are left"));
        }
        other => panic!("{name}: it was refused before, and said is {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_key_is_refused_for_ever() {
    on_every_store(async |stage| {
        let (one, two) = (stage.process(|options| options), stage.process(|options| options));
        match withdraw(&one, "k").await {
            Err(ExecuteError::Domain(error)) => {
                assert_eq!(error, AccountError::Insufficient { left: 0 });
            }
            other => panic!("{}: there is nothing, and said is {other:?}", stage.name),
        }
        deposit(&two).await;
        assert_refused_before(withdraw(&one, "k").await, stage.name);
        assert_refused_before(withdraw(&two, "k").await, stage.name);
        withdraw(&two, "another").await.expect("there are 100 cents");
        assert_eq!(stage.stored().await.len(), 2);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_reply_changes_nothing() {
    on_every_store(async |stage| {
        let process = stage.process(|options| options);
        process.faults.lose_reply(Operation::Append, 1);
        let told = withdraw(&process, "k").await;
        assert!(matches!(told, Err(ExecuteError::Domain(_))), "{}: {told:?}", stage.name);
        deposit(&process).await;
        assert_refused_before(withdraw(&process, "k").await, stage.name);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_at_once_one_decides_for_both() {
    on_every_store(async |stage| {
        // The first refuses, and before that is remembered the second executes.
        let (one, two) = (stage.process(|options| options), stage.process(|options| options));
        let mut held = one.faults.hold(Operation::Append, 1);
        let late = tokio::spawn(async move { withdraw(&one, "k").await });
        held.reached().await;
        deposit(&two).await;
        let first = withdraw(&two, "k").await.expect("there are 100 cents");
        held.release();
        let told = late.await.expect("no panic").expect("it has been executed");
        assert!(told.repeated);
        assert_eq!(told.event_ids, first.event_ids);

        // The second executes, and before that is written the first's refusal is remembered.
        let (one, two) = (stage.process(|options| options), stage.process(|options| options));
        deposit(&one).await;
        let mut held = one.faults.hold(Operation::Append, 1);
        let late = tokio::spawn(async move { withdraw(&one, "k2").await });
        held.reached().await;
        withdraw(&two, "all").await.expect("there are 100 cents");
        withdraw(&two, "k2").await.expect_err("there is nothing left");
        held.release();
        let told = late.await.expect("no panic").expect_err("it was refused before");
        assert_eq!(told.kind(), ErrorKind::Refused, "{}: {told}", stage.name);
    })
    .await;
}

#[test]
fn a_refusal_is_cut_and_holds_nothing_that_a_database_cannot_keep() {
    let long = format!("a\0b{}", "é".repeat(MAX_REFUSAL_BYTES));
    let CommandOutcome::Refused(words) = CommandOutcome::refused(&long) else {
        panic!("it is a refusal");
    };
    assert!(words.starts_with("a\u{fffd}b"), "{words}");
    assert!(words.len() <= MAX_REFUSAL_BYTES && words.len() > MAX_REFUSAL_BYTES - 2);
}
