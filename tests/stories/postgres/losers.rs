//! Many appends of one batch lose: one look tells for all of them whether they had been made before,
//! so the winners do not wait for them one by one.

use std::time::{Duration, Instant};

use annals::ExpectedVersion;
use annals::store::{Append, EventStore, StoreError};
use annals::{NewEvent, Payload};
use annals_tests::postgres::{Proxy, host_of, proxied};
use annals_tests::writer::stream;

use super::place::{Place, open};

const PATIENCE: Duration = Duration::from_secs(120);
const LOSERS: usize = 200;

/// What each request takes on its way; one look a loser would be ten seconds.
const DELAY: Duration = Duration::from_millis(50);
const SOON: Duration = Duration::from_secs(5);

fn append(id: &str) -> Append {
    let event = NewEvent::raw("order.placed", 1, Payload::from_stored("{}"));
    Append::to(stream("order", id), ExpectedVersion::NoStream, vec![event])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_winner_does_not_wait_for_them() {
    tokio::time::timeout(PATIENCE, story()).await.expect("nobody waits for ever");
}

async fn story() {
    let place = Place::shared().await;
    let direct = place.store().await;
    let made_before: Vec<Append> = (0..LOSERS).map(|n| append(&n.to_string())).collect();
    for result in direct.append_bulk(made_before.clone()).await {
        result.expect("the streams are new");
    }
    let proxy = Proxy::to(host_of(&place.url)).await;
    let store = open(place.options_at(&proxied(&place.url, &proxy))).await;
    store.append(append("warm")).await.expect("the stream is new");

    let client = place.client().await;
    place.lock_log(&client).await;
    // The first half had been made before, the others come too late.
    let losers: Vec<_> = (0..LOSERS)
        .map(|n| match n % 2 {
            0 => made_before[n].clone(),
            _ => append(&n.to_string()),
        })
        .map(|append| {
            let store = store.clone();
            tokio::spawn(async move { store.append(append).await })
        })
        .collect();
    let winner = tokio::spawn({
        let store = store.clone();
        async move { store.append(append("winner")).await }
    });
    proxy.delay(DELAY);
    let began = Instant::now();
    client.batch_execute("COMMIT").await.expect("it was only idle");
    winner.await.expect("no panic").expect("the stream is new");
    let waited = began.elapsed();
    assert!(waited < SOON, "the winner waited for {waited:?}");
    for (loser, n) in losers.into_iter().zip(0..) {
        match loser.await.expect("no panic") {
            Ok(appended) => assert!(n % 2 == 0 && appended.repeated, "loser {n}: {appended:?}"),
            Err(StoreError::Conflict { .. }) => assert_eq!(n % 2, 1, "loser {n}"),
            Err(error) => panic!("loser {n}: {error:?}"),
        }
    }
}
