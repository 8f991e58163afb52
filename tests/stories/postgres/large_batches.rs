//! Appends of many megabytes each, all at once. Batches end at a number of bytes, so that no message
//! grows beyond what the server takes, and an import of them is written in several commits.

use std::time::Duration;

use annals::store::{Append, EventStore};
use annals::{ExpectedVersion, NewEvent, Payload};
use annals_tests::writer::stream;

use super::place::Place;

const PATIENCE: Duration = Duration::from_secs(120);
const APPENDS: usize = 16;
const BYTES: usize = 3 << 20;

/// What batches end at, and the one that crosses the line.
const MOST: i64 = (16 << 20) + BYTES as i64 + 1_000;

fn append(n: usize) -> Append {
    let payload = format!(r#"{{"text":"{}"}}"#, "a".repeat(BYTES));
    let event = NewEvent::raw("order.placed", 1, Payload::from_stored(payload));
    Append::to(stream("order", &n.to_string()), ExpectedVersion::NoStream, vec![event])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_ends_at_a_number_of_bytes() {
    tokio::time::timeout(PATIENCE, story()).await.expect("nobody waits for ever");
}

async fn story() {
    let place = Place::shared().await;
    let store = place.store().await;
    let client = place.client().await;
    place.lock_log(&client).await;
    let appending: Vec<_> = (0..APPENDS)
        .map(|n| {
            let store = store.clone();
            tokio::spawn(async move { store.append(append(n)).await })
        })
        .collect();
    tokio::task::yield_now().await;
    client.batch_execute("COMMIT").await.expect("it was only idle");
    for appending in appending {
        appending.await.expect("no panic").expect("the stream is new");
    }
    let imported = store.append_bulk((APPENDS..2 * APPENDS).map(append).collect()).await;
    imported.into_iter().for_each(|result| drop(result.expect("the stream is new")));
    assert_eq!(store.head().await.expect("a head").get(), 2 * APPENDS as u64);

    let sql = format!(
        "SELECT max(bytes)::bigint FROM (
             SELECT sum(octet_length(payload::text)) AS bytes FROM {} GROUP BY xmin::text
         ) AS commits",
        place.name("events")
    );
    let most: i64 = client.query_one(&sql, &[]).await.expect("commits can be told apart").get(0);
    assert!(most <= MOST, "one commit brought {most} bytes");
}
