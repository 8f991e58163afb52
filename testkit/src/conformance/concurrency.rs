//! I1 under pressure: one winner a version, and no conflict without a cause.

use annals_core::ExpectedVersion;
use annals_core::store::{Append, StoreError, StreamQuery};

use super::Subject;
use super::samples::{append, assert_in_order, events, exact, log, put, read, stream, versions};

const WRITERS: u64 = 8;
const ROUNDS: u64 = 25;

/// Eight with the same expectation at once: one is written, seven hear where the stream is.
pub async fn of_eight_equal_expectations_one_wins(subject: Subject) {
    put(&*subject.store, "account-1", 1).await;
    for round in 1..=ROUNDS {
        let writers: Vec<_> = (0..WRITERS)
            .map(|_| {
                let store = subject.store.clone();
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
    assert_in_order(&*subject.store).await;
}

/// Eight writers that reload on a conflict: every version is won once, nobody's event is lost.
pub async fn eight_writers_share_one_stream(subject: Subject) {
    let writers: Vec<_> = (0..WRITERS)
        .map(|_| {
            let store = subject.store.clone();
            tokio::spawn(async move {
                let mut won = Vec::new();
                while (won.len() as u64) < ROUNDS {
                    let newest = StreamQuery::all(stream("account-1")).backward().limit(1);
                    let newest = store.read_stream(&newest).await.expect("a stream can be read");
                    let version = newest.first().map_or(0, |event| event.version.get());
                    let batch = Append::to(stream("account-1"), exact(version), events(1));
                    match store.append(batch).await {
                        Ok(appended) => won.push(appended.streams[0].after.get()),
                        Err(StoreError::Conflict { .. }) => tokio::task::yield_now().await,
                        Err(error) => panic!("only a conflict was due, not {error:?}"),
                    }
                }
                won
            })
        })
        .collect();
    let mut won = Vec::new();
    for writer in writers {
        won.extend(writer.await.expect("no panic"));
    }
    won.sort_unstable();
    let every: Vec<u64> = (1..=WRITERS * ROUNDS).collect();
    assert_eq!(won, every, "each version has one winner");
    assert_eq!(versions(&read(&*subject.store, "account-1").await), every);
    assert_in_order(&*subject.store).await;
}

/// Writers on streams of their own never hear of each other.
pub async fn disjoint_streams_never_conflict(subject: Subject) {
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let store = subject.store.clone();
            tokio::spawn(async move {
                let name = format!("account-{writer}");
                for round in 0..ROUNDS {
                    let batch = Append::to(stream(&name), exact(round * 2), events(2));
                    store.append(batch).await.expect("nobody else writes to this stream");
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.expect("no conflict");
    }
    assert_eq!(log(&*subject.store).await.len() as u64, WRITERS * ROUNDS * 2);
    assert_in_order(&*subject.store).await;
}

/// Appends that wait together may be committed together; those that fail take nobody with them.
pub async fn losers_do_not_hurt_the_others_in_their_batch(subject: Subject) {
    put(&*subject.store, "taken-1", 1).await;
    let writers: Vec<_> = (0..64)
        .map(|n: u64| {
            let store = subject.store.clone();
            let loses = n.is_multiple_of(3);
            let batch = if loses {
                Append::to(stream("taken-1"), ExpectedVersion::NoStream, events(2))
            } else {
                append(&format!("account-{n}"), 2)
            };
            tokio::spawn(async move { (loses, store.append(batch).await) })
        })
        .collect();
    for writer in writers {
        let (loses, result) = writer.await.expect("no panic");
        assert_eq!(result.is_err(), loses, "{result:?}");
    }
    assert_in_order(&*subject.store).await;
}
