//! I1 between stores: of sixteen with the same expectation one wins, and who has a stream of their
//! own never hears of the others.

use std::sync::Arc;

use annals::store::{Append, EventStore, StoreError};
use annals::{ExpectedVersion, NewEvent, Payload, PgStore, StreamVersion};
use annals_tests::ledger::{assert_dense, whole_log};
use annals_tests::writer::stream;
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use super::place::Place;

const RIVALS: usize = 16;
const ROUNDS: u64 = 20;
const STRANGERS: usize = 32;

fn append(id: &str, version: u64, events: usize) -> Append {
    let event = || NewEvent::raw("sample.happened", 1, Payload::from_stored("{}"));
    let expected = match version {
        0 => ExpectedVersion::NoStream,
        version => ExpectedVersion::Exact(StreamVersion::new(version)),
    };
    Append::to(stream("account", id), expected, (0..events).map(|_| event()).collect())
}

/// Two stores on the same schema, as in two processes.
async fn two_stores(place: &Place) -> [Arc<PgStore>; 2] {
    [place.store().await, place.store().await]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_sixteen_one_wins() {
    let place = Place::shared().await;
    let stores = two_stores(&place).await;
    for round in 0..ROUNDS {
        let start = Arc::new(Barrier::new(RIVALS));
        let mut rivals = JoinSet::new();
        for rival in 0..RIVALS {
            let (store, start) = (stores[rival % 2].clone(), start.clone());
            rivals.spawn(async move {
                start.wait().await;
                store.append(append("contested", round, 1)).await
            });
        }
        let mut winners = 0;
        while let Some(result) = rivals.join_next().await {
            match result.expect("no panic") {
                Ok(appended) => {
                    assert_eq!(appended.streams[0].after.get(), round + 1);
                    winners += 1;
                }
                Err(StoreError::Conflict { actual, .. }) => assert_eq!(actual.get(), round + 1),
                Err(error) => panic!("only a conflict was due, not {error:?}"),
            }
        }
        assert_eq!(winners, 1, "round {round}");
    }
    assert_dense(&whole_log(&*stores[0]).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn strangers_never_conflict() {
    let place = Place::shared().await;
    let stores = two_stores(&place).await;
    let mut strangers = JoinSet::new();
    for number in 0..STRANGERS {
        let store = stores[number % 2].clone();
        strangers.spawn(async move {
            for round in 0..ROUNDS {
                let append = append(&number.to_string(), round * 2, 2);
                store.append(append).await.expect("nobody else writes to this stream");
            }
        });
    }
    while let Some(ended) = strangers.join_next().await {
        ended.expect("no conflict");
    }
    let log = whole_log(&*stores[1]).await;
    assert_eq!(log.len() as u64, STRANGERS as u64 * ROUNDS * 2);
    assert_dense(&log);
}
