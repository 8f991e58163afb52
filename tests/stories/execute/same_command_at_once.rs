//! The same command twice at once: whoever comes second is told what the first did, even where the
//! first has made it impossible.

use annals_core::{ExecuteError, Receipt};
use annals_testkit::Operation;

use super::stage::{Process, on_every_store};
use crate::bank::{Account, AccountError, AccountEvent, ann, version};

type Told = Result<Receipt<AccountEvent>, ExecuteError<AccountError>>;

async fn withdraw_all(process: &Process, at: Option<u64>) -> Told {
    let all = |account: &Account| account.withdraw(100.max(account.cents));
    let command = process.journal.execute(&ann(), all).idempotency_key("k");
    match at {
        Some(at) => command.at(version(at)).await,
        None => command.await,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn from_two_processes() {
    for at in [None, Some(1)] {
        on_every_store(async |stage| {
            let (one, two) = (stage.process(|options| options), stage.process(|options| options));
            let deposit = |account: &Account| account.deposit(100);
            one.journal.execute(&ann(), deposit).await.expect("never refused");
            // It has seen that the key is free, and not yet what is on the account.
            let mut held = two.faults.hold(Operation::ReadStream, 1);
            let late = tokio::spawn(async move { withdraw_all(&two, at).await });
            held.reached().await;
            let first = withdraw_all(&one, at).await.expect("there are 100 cents");
            held.release();

            let second = late.await.expect("no panic");

            let second = second.unwrap_or_else(|error| panic!("{}: {error}", stage.name));
            assert_eq!(second, Receipt { repeated: true, ..first });
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn from_one_process() {
    on_every_store(async |stage| {
        let process = std::sync::Arc::new(stage.process(|options| options));
        let deposit = |account: &Account| account.deposit(100);
        process.journal.execute(&ann(), deposit).await.expect("never refused");
        process.faults.reset_calls();
        let mut held = process.faults.hold(Operation::Append, 1);
        let told = || {
            let process = process.clone();
            tokio::spawn(async move { withdraw_all(&process, None).await })
        };
        let first = told();
        held.reached().await;
        let second = told();
        // It has looked its key up, and waits for its turn.
        while process.faults.calls(Operation::Command) < 2 {
            tokio::task::yield_now().await;
        }
        held.release();

        let first = first.await.expect("no panic").expect("there are 100 cents");
        let second = second.await.expect("no panic");

        let second = second.unwrap_or_else(|error| panic!("{}: {error}", stage.name));
        assert_eq!(second, Receipt { repeated: true, ..first });
    })
    .await;
}
