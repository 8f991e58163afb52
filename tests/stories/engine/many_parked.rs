//! Ten thousand events wait behind one key: none of them is held in memory, and when the key heals they have
//! their effects in order.

use std::time::{Duration, Instant};

use annals::ops;
use annals_tests::bank::AccountEvent;
use annals_tests::postgres::Server;

use super::member::Member;
use super::site::Site;
use crate::homes::append;
use crate::postgres::place::Place;

const SOON: Duration = Duration::from_secs(60);

/// The account whose key is parked.
const PARKED: u32 = 1;

const EVENTS: usize = 10_000;

const EVENT_BYTES: usize = 12_000;

/// How many are appended at once.
const AT_ONCE: usize = 50;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn they_wait_in_the_store() {
    let played = tokio::time::timeout(Duration::from_secs(240), story()).await;
    played.expect("it comes to an end");
}

async fn story() {
    // Ten thousand small transactions: what becomes of them in a crash is not the question here.
    let server = Server::start_with(&[("fsync", "off"), ("autovacuum", "off")]).await;
    let place = Place::on(&server);
    let site = Site::postgres(&place).await;
    let broken = Member::start(&site, "broken", &["breaks=yes"]).await;
    site.deposit_special(u64::from(PARKED)).await;
    site.until("counting", "parked", SOON, |status| status.parked_keys == 1).await;
    for _ in 0..EVENTS / AT_ONCE {
        let large = || AccountEvent::Opened { owner: "x".repeat(EVENT_BYTES) };
        append(&site.annals, PARKED, (0..AT_ONCE).map(|_| large()).collect()).await;
    }
    for account in 2..20 {
        site.deposit(account, 1).await;
    }
    let head = site.store.head().await.expect("the head can be read");
    let passed =
        |status: &ops::ConsumerStatus| status.partitions.iter().all(|part| part.position >= head);
    for consumer in ["counting", "totals", "noting"] {
        site.until(consumer, "at the end", SOON, passed).await;
    }
    let parked = ops::parked(&*site.store, "counting").await.expect("it can be read");
    let waiting: Vec<_> = parked.iter().map(|key| (key.key.as_str(), key.events)).collect();
    // The first deposit opened the account, and only then came what is refused.
    assert_eq!(waiting, [("1", EVENTS as u64 + 1)]);
    is_bounded("parking", &broken);
    broken.stop().await;

    let mended = Member::start(&site, "mended", &[]).await;
    let begun = Instant::now();
    site.done("counting", 2 * SOON).await;
    println!("healed within {:?}", begun.elapsed());
    is_bounded("healing", &mended);
    site.check().await;
    site.check_effects().await;
    let in_order = include_str!("many_parked/in_order.sql").replace("annals.", &place.name(""));
    let row = place.client().await.query_one(&in_order, &[]).await.expect("it can be read");
    let (rows, back): (i64, i64) = (row.get(0), row.get(1));
    assert_eq!((rows, back), (EVENTS as i64 + 2, 0), "rows in the order of their transactions");
    mended.stop().await;
}

/// Nobody holds what waits.
fn is_bounded(what: &str, member: &Member) {
    let (peak, parked) = (member.peak_bytes(), (EVENTS * EVENT_BYTES) as u64);
    println!("{what}: {} MB of memory at the most", peak >> 20);
    assert!(peak < parked / 2, "{what} took {peak} bytes for {parked} that wait");
}
