//! A process is killed while it rebuilds and appends. The old rows go on serving, the rebuild goes
//! on where it stood, and the result equals a replay (I7).

use std::path::Path;
use std::time::Duration;

use annals::store::{CheckpointStore, EventStore, StateStore};
use annals::{Annals, EngineOptions, SqliteStore, Synchronous};
use annals_tests::bank::{Account, Balance, Balances};
use annals_tests::random::Random;

use crate::child::Victim;

const ROUNDS: u64 = 12;
const EVENTS: u64 = 3_000;
const PAGE: usize = 200;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_old_version_serves_and_the_rebuild_goes_on() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("crash.db");
    fill(&file).await;
    let mut resumed = 0;
    for seed in 0..ROUNDS {
        println!("seed {seed}");
        let mut victim = Victim::start(&["rebuild"], &file);
        for _ in 0..1 + Random::new(seed).below(50) {
            victim.next_line().expect("it goes on until killed");
        }
        victim.kill();
        resumed += u32::from(check(&file).await);
    }
    assert!(resumed > 0, "no round was killed in the middle of a rebuild: vary the seeds");
}

async fn fill(file: &Path) {
    let options = annals::SqliteOptions::new(file).synchronous(Synchronous::Normal);
    let store = SqliteStore::open_with(options).await.unwrap();
    let annals = Annals::on(store.clone()).start().await.unwrap();
    for n in 0..EVENTS {
        annals.execute(&(n % 50), |account: &Account| account.deposit(1)).await.unwrap();
    }
    store.close().await;
}

/// Returns whether a rebuild was left in the middle, and went on from there.
async fn check(file: &Path) -> bool {
    let store = SqliteStore::open(file).await.expect("the file opens after a crash");
    let left = unfinished(&store).await;
    let options = EngineOptions { page_events: PAGE, ..EngineOptions::default() };
    let annals =
        Annals::on(store.clone()).project(Balances).engine_options(options).start().await.unwrap();
    let head = store.head().await.unwrap();
    annals.wait_for(head, Duration::from_secs(30)).await.unwrap();
    // The version that serves is right, whichever it is.
    let before = rows(&annals).await;
    assert_eq!(before, replay(&annals).await, "the rows that serve equal a replay");

    if let Some((number, _)) = left {
        // It goes on by itself, where it stood, and takes over.
        let taken_over = async {
            while generations(&store).await["active"]["number"] != number {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), taken_over).await.expect("it is taken up");
        assert_eq!(rows(&annals).await, replay(&annals).await, "of what was left and gone on with");
    }
    let mut handle = annals.rebuild::<Balances>();
    handle.next_progress().await.expect("a rebuild reports its progress");
    let done = handle.await.unwrap();
    assert!(done.done);
    assert_eq!(rows(&annals).await, before, "the rebuilt rows are the same");
    annals.shutdown().await;
    store.close().await;
    left.is_some_and(|(_, left_at)| left_at > 0)
}

async fn generations(store: &SqliteStore) -> serde_json::Value {
    let record = store.state("projection/balances").await.unwrap().unwrap_or_default();
    serde_json::from_str(&record).unwrap_or_default()
}

/// The generation and the checkpoint of a rebuild that was killed.
async fn unfinished(store: &SqliteStore) -> Option<(u64, u64)> {
    let number = generations(store).await["building"]["number"].as_u64()?;
    let name = format!("consumer/balances/{number}/1/0");
    Some((number, store.checkpoint(&name).await.unwrap().unwrap_or_default().get()))
}

async fn rows(annals: &Annals) -> Vec<Balance> {
    annals.read::<Balance>().list().await.unwrap()
}

async fn replay(annals: &Annals) -> Vec<Balance> {
    let rows = annals.live(Balances).all().await.unwrap();
    let mut rows: Vec<Balance> = rows.into_values().collect();
    rows.sort_by_key(|row| row.account);
    rows
}
