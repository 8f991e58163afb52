//! The process of a copy is killed again and again in the middle of history: started once more, it goes on where it
//! was, and has everything once.

use std::time::Duration;

use annals::Annals;
use annals_testkit::Operation;
use annals_tests::brokers::Nats;
use annals_tests::facts::Deposit;
use annals_tests::random::{Random, seed};
use tokio::process::Command;

use super::{ACCOUNTS, Owner, PATIENCE, at_end};
use crate::engine::Member;
use crate::postgres::place::Place;

/// How often it is killed.
const KILLS: u64 = 6;

/// How many events a page is made of, as the process says.
const PAGE_EVENTS: u64 = 20;

/// How long the owner takes for a page.
const PAGE_TAKES: Duration = Duration::from_millis(10);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_sqlite() {
    let folder = tempfile::tempdir().expect("there is room");
    let store = format!("sqlite://{}/copy.db", folder.path().display());
    tokio::time::timeout(PATIENCE, story(&store)).await.expect("it does not hang");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_postgres() {
    let place = Place::shared().await;
    tokio::time::timeout(PATIENCE, story(&place.store_url())).await.expect("it does not hang");
}

async fn story(store: &str) {
    let mut random = Random::new(seed());
    let nats = Nats::start().await;
    let owner = Owner::old(&nats).await;
    let history = owner.url();
    let start = async || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_service"));
        command.args(["taxes", store, &nats.url(), &owner.place, "copy", &history]);
        let mut copy = Member::of(command);
        assert_eq!(copy.says().await.as_deref(), Some("started"));
        copy
    };
    owner.log.delay(Operation::ReadLog, PAGE_TAKES);
    let mut noted = 0;
    for _ in 0..KILLS {
        // It asks for a page when what the one before told is written, and noted.
        let pages = 1 + random.below(2);
        noted += pages;
        let mut held = owner.log.hold(Operation::ReadLog, 1 + pages);
        let mut copy = start().await;
        for account in 1..=ACCOUNTS {
            owner.deposit(account).await;
        }
        held.reached().await;
        if random.below(2) == 0 {
            held.release();
            // Somewhere between the page and the commit of what it told, or of the next one.
            tokio::time::sleep(Duration::from_micros(random.below(20_000))).await;
        }
        copy.kill().await;
    }
    let reader = Annals::open(store).await.expect("it opens").start().await.expect("it starts");
    assert!(!at_end(&reader).await, "it was killed in the middle");
    let rows = reader.read::<Deposit>().list().await.expect("readable");
    assert!(rows.iter().any(|row| row.last > 0), "something was taken in: {rows:?}");

    owner.log.reset_calls();
    let copy = start().await;
    for account in 1..=ACCOUNTS {
        owner.deposit(account).await;
    }
    owner.is_copied(&reader, "at the end").await;
    // The last one may have a few, or none.
    let whole = owner.rows().iter().map(|row| row.last as u64).sum::<u64>() / PAGE_EVENTS + 2;
    let pages = owner.pages();
    assert!(pages + noted <= whole, "{pages} of {whole} pages behind {noted}: it went back");
    copy.stop().await;
    reader.shutdown().await;
    assert!(owner.bank.shutdown().await.is_empty());
}
