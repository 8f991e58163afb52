//! A process is killed while four tasks append. After the restart nothing acknowledged is missing,
//! nothing is half there, and the rows equal a fresh replay (I1, I2, I4).

use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

use annals::store::{EventStore, LogQuery};
use annals::{Annals, RecordedEvent, SqliteStore, StreamId};
use annals_tests::bank::{Balance, Balances};
use annals_tests::random::Random;

use crate::child::Victim;

const ROUNDS: u64 = 20;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost() {
    let directory = tempfile::tempdir().unwrap();
    // One file over all rounds: each restart goes on where the last one was killed.
    let file = directory.path().join("crash.db");
    let mut acknowledged = HashMap::new();
    for seed in 0..ROUNDS {
        println!("seed {seed}");
        let mut victim = Victim::start(&["append", &seed.to_string()], &file);
        let wait_for = 1 + Random::new(seed).below(60);
        let mut lines: Vec<String> =
            (0..wait_for).map(|_| victim.next_line().expect("it goes on until killed")).collect();
        lines.extend(victim.kill());
        for line in &lines {
            if let [stream, version, position, id] = line.split(' ').collect::<Vec<_>>()[..]
                && id.len() == 36
            {
                let place = (stream.to_owned(), version.to_owned(), position.to_owned());
                acknowledged.insert(id.to_owned(), place);
            }
        }
        check(&file, &acknowledged).await;
    }
    assert!(acknowledged.len() as u64 > ROUNDS, "the rounds acknowledged something");
}

async fn check(file: &Path, acknowledged: &HashMap<String, (String, String, String)>) {
    let store = SqliteStore::open(file).await.expect("the file opens after a crash");
    let events = whole_log(&store).await;
    let mut versions: HashMap<StreamId, u64> = HashMap::new();
    for (event, position) in events.iter().zip(1..) {
        assert_eq!(event.position.get(), position, "positions are dense");
        let version = versions.entry(event.stream.clone()).or_default();
        *version += 1;
        assert_eq!(event.version.get(), *version, "versions of {} are dense", event.stream);
    }
    // An account is opened and gets its first deposit in one append: never one without the other.
    assert!(versions.values().all(|&version| version >= 2), "an append is half there");
    let stored: HashMap<String, &RecordedEvent> =
        events.iter().map(|event| (event.id.to_string(), event)).collect();
    for (id, (stream, version, position)) in acknowledged {
        let event = stored.get(id).unwrap_or_else(|| panic!("acknowledged {id} is missing"));
        let place = (event.stream.as_str(), event.version.to_string(), event.position.to_string());
        assert_eq!(place, (stream.as_str(), version.clone(), position.clone()), "{id} moved");
    }

    let annals = Annals::on(store.clone()).project(Balances).start().await.unwrap();
    let head = store.head().await.unwrap();
    annals.wait_for(head, Duration::from_secs(30)).await.unwrap();
    let rows = annals.read::<Balance>().list().await.unwrap();
    let replay = annals.live(Balances).all().await.unwrap();
    assert_eq!(rows.len(), replay.len());
    assert!(rows.iter().all(|row| replay.get(&row.account) == Some(row)), "rows equal a replay");
    annals.shutdown().await;
    store.close().await;
}

async fn whole_log(store: &SqliteStore) -> Vec<RecordedEvent> {
    let mut events = Vec::new();
    let mut query = LogQuery::after(annals::Position::START);
    loop {
        let page = store.read_log(&query).await.unwrap();
        events.extend(page.events);
        if page.next >= page.head {
            return events;
        }
        query.after = page.next;
    }
}
