//! Programs that run a saga are killed at any moment: each flow ends all the same, and each effect happens once.

use std::process::Stdio;
use std::time::Duration;

use annals::Annals;

use annals_tests::random::{Random, seed};
use annals_tests::shop::ShopEvent;
use tokio::process::Command;

use super::checkout::{place, stock, told};
use crate::engine::Member;
use crate::postgres::place::Place;

/// How many programs are killed.
const KILLS: usize = 12;

/// How many orders are placed between two of them.
const ORDERS: usize = 6;

const PATIENCE: Duration = Duration::from_secs(120);

async fn start(store: &str, label: &str) -> Member {
    let mut command = Command::new(env!("CARGO_BIN_EXE_service"));
    command.args(["shop", store, "-", "-", label]).stderr(Stdio::null());
    let mut member = Member::of(command);
    assert_eq!(member.says().await.as_deref(), Some("started"), "{label}");
    member
}

async fn story(store: &str, writer: Annals, seed: u64) {
    let mut random = Random::new(seed);
    stock(&writer, (KILLS * ORDERS) as i64).await;
    let mut members = [start(store, "a").await, start(store, "b").await];
    let mut placed = 0;
    for _ in 0..KILLS {
        for _ in 0..ORDERS {
            let buyer = ["ada", "ada", "poor", "slow"][random.below(4) as usize];
            place(&writer, &placed.to_string(), buyer).await;
            placed += 1;
        }
        tokio::time::sleep(Duration::from_millis(random.below(250))).await;
        let which = random.below(2) as usize;
        members[which].kill().await;
        members[which] = start(store, ["a", "b"][which]).await;
    }
    let told = told(&writer, placed).await;
    let count = |what: &str| told.iter().filter(|line| line.ends_with(what)).count();
    assert_eq!(count("placed"), placed, "seed {seed}");
    assert_eq!(count("reserved"), placed, "seed {seed}: {told:?}");
    assert_eq!(count("released") + count("confirmed"), placed, "seed {seed}: {told:?}");
    assert_eq!(count("confirmed") + count("refunded"), count("charged"), "seed {seed}: {told:?}");
    for member in members {
        member.stop().await;
    }
    writer.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_postgres() {
    let (seed, place) = (seed(), Place::shared().await);
    let writer = Annals::on_shared(place.store().await).events::<ShopEvent>();
    let writer = writer.start().await.expect("it starts");
    let played = tokio::time::timeout(PATIENCE, story(&place.store_url(), writer, seed)).await;
    assert!(played.is_ok(), "it hangs, seed {seed}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_sqlite() {
    let (seed, directory) = (seed(), tempfile::tempdir().expect("there is room"));
    let url = format!("sqlite://{}", directory.path().join("shop.db").display());
    let writer = Annals::open(&url).await.expect("it opens").events::<ShopEvent>();
    let writer = writer.start().await.expect("it starts");
    let played = tokio::time::timeout(PATIENCE, story(&url, writer, seed)).await;
    assert!(played.is_ok(), "it hangs, seed {seed}");
}
