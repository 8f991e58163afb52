//! Several processes on the same data, as far as two handles in one process can show it.

use annals_core::ExpectedVersion;
use annals_core::store::{Append, StoreError};

use super::Subject;
use super::samples::{assert_in_order, events, exact, ids, log, put, stream};

/// What one handle acknowledges, the other reads.
pub async fn two_handles_see_the_same(subject: Subject) {
    let Some(other) = subject.second_handle().await else { return };
    for n in 1..=5 {
        put(&*subject.store, "account-1", 1).await;
        put(&*other, "account-2", 1).await;
        assert_eq!(subject.store.head().await.expect("a head").get(), n * 2);
        assert_eq!(ids(&log(&*other).await), ids(&log(&*subject.store).await));
    }
    assert_in_order(&*other).await;
}

/// Writers on both handles: each version has one winner, and the log has no holes.
pub async fn two_handles_conflict_like_one(subject: Subject) {
    let Some(other) = subject.second_handle().await else { return };
    put(&*subject.store, "account-1", 1).await;
    for round in 1..=20 {
        let writers: Vec<_> = (0..8)
            .map(|n| {
                let store = if n % 2 == 0 { subject.store.clone() } else { other.clone() };
                let batch = Append::to(stream("account-1"), exact(round), events(1));
                tokio::spawn(async move { store.append(batch).await })
            })
            .collect();
        let mut winners = 0;
        for writer in writers {
            match writer.await.expect("no panic") {
                Ok(_) => winners += 1,
                Err(StoreError::Conflict { actual, .. }) => assert_eq!(actual.get(), round + 1),
                Err(error) => panic!("only a conflict was due, not {error:?}"),
            }
        }
        assert_eq!(winners, 1, "round {round}");
    }
    let late = Append::to(stream("account-1"), ExpectedVersion::NoStream, events(1));
    assert!(other.append(late).await.is_err());
    assert_in_order(&*other).await;
}
