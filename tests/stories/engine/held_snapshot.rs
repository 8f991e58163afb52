//! A snapshot is held open, by a report or a forgotten `BEGIN`, while a thousand commits a second come and a
//! projection follows them: from append to row it takes at most twice as long, and the doctor says who holds it.
//! How long it is held is said by `ANNALS_SNAPSHOT_SECONDS`.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use annals::Annals;
use annals_tests::bank::Account;
use annals_tests::members::{Total, Totals};
use tokio::sync::watch;

use super::site::Site;
use crate::cli::command::annals;
use crate::homes::deposit;
use crate::postgres::held_snapshot::pages;
use crate::postgres::place::Place;

/// For how many seconds the snapshot is held, unless told otherwise.
const HELD_SECONDS: u64 = 20;

/// How long is measured, before it is held and in the end.
const MEASURED: Duration = Duration::from_secs(5);

const WRITERS: u32 = 10;

/// How often each of them writes.
const EVERY: Duration = Duration::from_millis(10);

/// What a busy machine may add to a median.
const NOISE: Duration = Duration::from_millis(5);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_slows_nobody_down() {
    let held = std::env::var("ANNALS_SNAPSHOT_SECONDS").ok();
    let held = held.map(|seconds| seconds.parse().expect("a number of seconds"));
    let held = Duration::from_secs(held.unwrap_or(HELD_SECONDS));
    let played = tokio::time::timeout(held + Duration::from_secs(90), story(held)).await;
    played.expect("it comes to an end");
}

async fn story(held: Duration) {
    let place = Place::shared().await;
    let site = Site::postgres(&place).await;
    let program = Annals::on_shared(site.store.clone()).project(Totals::<1>);
    let program = Arc::new(program.start().await.expect("it starts"));
    let (over, is_over) = watch::channel(false);
    let commits = Arc::new(AtomicUsize::new(0));
    let writers: Vec<_> = (0..WRITERS)
        .map(|n| tokio::spawn(write(program.clone(), n, commits.clone(), is_over.clone())))
        .collect();
    // The first events have plans to make, and pages to fill.
    measure(&program).await;
    let before = measure(&program).await;

    let report = place.client().await;
    let begin =
        "SET application_name = 'a report'; BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1";
    report.batch_execute(begin).await.expect("a report begins");
    let (began, first) = (Instant::now(), commits.load(Ordering::Relaxed));
    tokio::time::sleep(held.saturating_sub(MEASURED)).await;
    let during = measure(&program).await;
    let (took, appends) = (began.elapsed(), commits.load(Ordering::Relaxed) - first);
    let (versions, pages) = (versions(&place).await, pages_of_a_look(&place).await);
    let doctor = annals(&site.url, &["doctor", "--json", "--long-transaction", "5"]).json();
    report.batch_execute("ROLLBACK").await.expect("it was only idle");
    over.send_replace(true);
    for writer in writers {
        writer.await.expect("it writes");
    }
    program.shutdown().await;
    println!(
        "{appends} appends in {took:?}; {versions} versions of checkpoints, {pages} pages a look"
    );
    println!("from append to row {before:?}, and {during:?} in the end");
    let holders = doctor["findings"].as_array().expect("a list").iter();
    let mut holders = holders.filter(|finding| finding["check"] == "long_transaction");
    assert!(holders.any(|finding| finding["facts"]["application"] == "a report"), "{doctor}");
    assert!(during <= 2 * before + NOISE, "{before:?} before, {during:?} during");
}

/// How many versions of checkpoints are kept for the snapshot's sake.
async fn versions(place: &Place) -> i64 {
    let sql = "SELECT n_dead_tup FROM pg_stat_user_tables
               WHERE schemaname = $1 AND relname = 'checkpoints'";
    place.client().await.query_one(sql, &[&place.schema]).await.expect("it is counted").get(0)
}

/// How many pages of them a look at one checkpoint reads.
async fn pages_of_a_look(place: &Place) -> u64 {
    let client = place.client().await;
    client.batch_execute("SET enable_seqscan = off").await.expect("as the store does");
    let sql = "SELECT position FROM annals.checkpoints WHERE name = 'consumer/totals/1/1/0'";
    pages(&client, &sql.replace("annals.", &place.name(""))).await
}

/// The median from append to row.
async fn measure(program: &Annals) -> Duration {
    let (begun, mut times) = (Instant::now(), Vec::new());
    while begun.elapsed() < MEASURED {
        let at = Instant::now();
        let deposit = |account: &Account| account.deposit(1);
        let receipt = program.execute(&1_000, deposit).await.expect("it is written");
        let row = program.read::<Total>().after(receipt.position).get(&1_000).await;
        row.expect("it can be read").expect("it is there");
        times.push(at.elapsed());
    }
    times.sort_unstable();
    times[times.len() / 2]
}

async fn write(
    program: Arc<Annals>,
    account: u32,
    commits: Arc<AtomicUsize>,
    over: watch::Receiver<bool>,
) {
    let mut ticks = tokio::time::interval(EVERY);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    while !*over.borrow() {
        ticks.tick().await;
        deposit(&program, account, 1).await;
        commits.fetch_add(1, Ordering::Relaxed);
    }
}
