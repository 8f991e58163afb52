//! A key belongs to one command: another one, or the same with other content, is a mistake that is
//! noticed, and not answered with the first one's receipt.

use annals_core::store::{KeyDifference, StoreError};
use annals_core::{Command, Decide, DecisionContext, ErrorKind, ExecuteError, Outcome};
use serde::Serialize;

use super::stage::{Process, on_every_store};
use crate::bank::{Account, AccountError, AccountEvent, Deposited, ann};

#[derive(Command, Serialize)]
#[command(aggregate = Account, crate = annals_core)]
struct Deposit {
    cents: i64,
}

#[derive(Command, Serialize)]
#[command(aggregate = Account, crate = annals_core)]
struct Refund {
    cents: i64,
}

/// Cannot be written as JSON, so only its name tells it apart.
#[derive(Command)]
#[command(aggregate = Account, crate = annals_core)]
struct Opaque {
    cents: i64,
}

impl Decide<Deposit> for Account {
    fn decide(&self, command: &Deposit, _: &DecisionContext) -> Outcome<Account> {
        Ok(vec![Deposited { cents: command.cents }])
    }
}

impl Decide<Refund> for Account {
    fn decide(&self, command: &Refund, _: &DecisionContext) -> Outcome<Account> {
        Ok(vec![Deposited { cents: command.cents }])
    }
}

impl Decide<Opaque> for Account {
    fn decide(&self, command: &Opaque, _: &DecisionContext) -> Outcome<Account> {
        Ok(vec![Deposited { cents: command.cents }])
    }
}

/// Whether the command is taken for the one that the key was used for before.
fn is_known<E>(told: Result<annals_core::Receipt<E>, ExecuteError<AccountError>>) -> bool {
    match told {
        Ok(receipt) => {
            assert!(receipt.repeated, "the key was used before");
            true
        }
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
            assert!(error.to_string().contains("another command"), "{error}");
            let ExecuteError::Store(StoreError::KeyReused { differs, .. }) = error else {
                panic!("{error}");
            };
            assert_eq!(differs, KeyDifference::Command);
            false
        }
    }
}

async fn on_a_used_key<D, M>(process: &Process, decision: D) -> bool
where
    D: annals_core::Decision<M, Aggregate = Account, Returns: annals_core::IntoDecision<Account>>,
{
    let told = process.journal.execute(&ann(), decision).idempotency_key("k").await;
    is_known::<AccountEvent>(told)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commands_are_told_apart_by_name_and_content() {
    on_every_store(async |stage| {
        let first = stage.process(|options| options);
        let command = Deposit { cents: 5 };
        let receipt = first.journal.execute(&ann(), &command).idempotency_key("k").await;
        assert!(!receipt.expect("never refused").repeated);

        // The first process, and another after a restart.
        for process in [&first, &stage.process(|options| options)] {
            assert!(on_a_used_key(process, Deposit { cents: 5 }).await);
            assert!(on_a_used_key(process, &command).await);
            assert!(!on_a_used_key(process, Deposit { cents: 9_999 }).await);
            assert!(!on_a_used_key(process, Refund { cents: 5 }).await);
            assert!(!on_a_used_key(process, Opaque { cents: 5 }).await);
            // A function does not say what it is.
            assert!(on_a_used_key(process, |account: &Account| account.deposit(7)).await);
        }
        assert_eq!(stage.stored().await.len(), 1, "{}", stage.name);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_function_is_told_apart_by_what_its_caller_says() {
    on_every_store(async |stage| {
        let process = stage.process(|options| options);
        let deposit = |account: &Account| account.deposit(5);
        let told = async |body: &str| {
            let command = process.journal.execute(&ann(), deposit);
            command.idempotency_key("k").fingerprint(body).await
        };
        assert!(!told("POST /deposits 5").await.expect("never refused").repeated);
        assert!(is_known(told("POST /deposits 5").await));
        assert!(!is_known(told("POST /deposits 9999").await));
    })
    .await;
}
