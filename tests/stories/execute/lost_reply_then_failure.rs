//! A reply is lost, and what comes next is a failure: a server that shuts down, a standby. It says
//! nothing of the first try, which may have been written.

use std::time::Duration;

use annals_core::store::{BoxError, StoreError};
use annals_core::{ErrorKind, ExecuteError, ExpectedVersion, JournalOptions, StreamId};
use annals_testkit::Operation;

use super::stage::on_every_store;
use crate::bank::{Account, ann, version};

/// Failures that are no answer about the append.
fn failures() -> Vec<StoreError> {
    let place = || "the store".to_owned();
    let source: BoxError = "57P01: terminating connection".into();
    vec![
        StoreError::ReadOnly { place: place(), hint: "it is a standby".to_owned() },
        StoreError::Closed,
        StoreError::Database { store: "any", source: source.into() },
        StoreError::Overloaded { store: "any", limit: 1, option: "queue" },
        StoreError::Full { place: place() },
        StoreError::Corrupt { place: place(), detail: "bad page".to_owned() },
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_is_never_reported_as_not_written() {
    on_every_store(async |stage| {
        for (n, failure) in failures().into_iter().enumerate() {
            let process =
                stage.process(|options| JournalOptions { resolve_for: Duration::ZERO, ..options });
            process.faults.lose_reply(Operation::Append, 1);
            process.faults.fail_next(Operation::Append, 2, failure.clone());

            let result = process.journal.execute(&ann(), |a: &Account| a.deposit(100)).await;

            let stored = stage.stored().await;
            assert_eq!(stored.len(), n + 1, "{}: it was written", stage.name);
            match result {
                Err(error @ ExecuteError::OutcomeUnknown { .. }) => {
                    assert_eq!(error.kind(), ErrorKind::OutcomeUnknown);
                }
                other => panic!("{}, {failure}: it is open, and said is {other:?}", stage.name),
            }
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_comes_back_in_time_settles_it() {
    on_every_store(async |stage| {
        for written in [true, false] {
            let process = stage.process(|options| options);
            if written {
                process.faults.lose_reply(Operation::Append, 1);
            } else {
                process.faults.lose_request(Operation::Append, 1);
            }
            for (failure, nth) in failures().into_iter().zip(2..) {
                process.faults.fail_next(Operation::Append, nth, failure);
            }
            let before = stage.stored().await.len();

            let result = process.journal.execute(&ann(), |a: &Account| a.deposit(100)).await;

            let receipt = result.unwrap_or_else(|error| panic!("{}: {error}", stage.name));
            assert!(!receipt.repeated, "to its caller it is the first");
            let stored = stage.stored().await;
            assert_eq!(stored.len(), before + 1, "{}: once", stage.name);
            assert_eq!(receipt.event_ids, [stored[before].id]);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_about_the_append_settles_it() {
    on_every_store(async |stage| {
        let process = stage.process(|options| options);
        let answers = [
            StoreError::Conflict {
                stream: StreamId::parse("account-ann").expect("a stream name"),
                expected: ExpectedVersion::NoStream,
                actual: version(7),
            },
            StoreError::Invalid { why: "too large".to_owned() },
            StoreError::refused("the hook says no"),
        ];
        for answer in answers {
            process.faults.lose_request(Operation::Append, 1);
            process.faults.fail_next(Operation::Append, 2, answer.clone());
            let deposit = |account: &Account| account.deposit(100);

            let result = process.journal.execute(&ann(), deposit).at(version(0)).await;

            let error = result.expect_err("it was judged");
            assert_eq!(error.kind(), answer.kind(), "{}: {error}", stage.name);
            assert!(stage.stored().await.is_empty());
        }
    })
    .await;
}
