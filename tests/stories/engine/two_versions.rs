//! Two versions of a program on one database, whichever starts first, and the way back.

use std::time::Duration;

use annals::ops::{Ask, ConsumerStatus};
use annals_tests::members::{Total, Totals};

use super::member::Member;
use super::site::Site;
use crate::postgres::place::Place;

const SOON: Duration = Duration::from_secs(20);

/// Waits until the rows are those of a version.
async fn shows<const VERSION: u32>(site: &Site) {
    let live = site.annals.live(Totals::<VERSION>).all().await.expect("the log can be read");
    let mut live: Vec<_> = live.into_values().collect();
    live.sort_by_key(|row| row.account);
    let shown = async {
        while site.annals.read::<Total>().list().await.expect("the rows can be read") != live {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let shown = tokio::time::timeout(SOON, shown).await;
    assert!(shown.is_ok(), "version {VERSION} does not show: {:#?}", site.status("totals").await);
}

async fn deposits(site: &Site) {
    for account in 0..10 {
        site.deposit(account, 5).await;
    }
}

async fn asked(site: &Site, verb: &str) -> (bool, String) {
    let id = site.ask("totals", &Ask::Other(verb.to_owned(), "{}".to_owned())).await;
    site.answer(id, SOON).await
}

async fn is_there(place: &Place, table: &str) -> bool {
    let sql = "SELECT to_regclass($1) IS NOT NULL";
    let row = place.client().await.query_one(sql, &[&place.name(table)]).await;
    row.expect("names can be looked up").get(0)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_old_one_first_and_back() {
    let place = Place::shared().await;
    let site = Site::postgres(&place).await;
    let old = Member::start(&site, "old", &["version=1"]).await;
    deposits(&site).await;
    shows::<1>(&site).await;
    let new = Member::start(&site, "new", &["version=2"]).await;
    shows::<2>(&site).await;
    deposits(&site).await;
    shows::<2>(&site).await;
    assert!(is_there(&place, "totals__1").await, "the old table is kept");

    let (back, answer) = asked(&site, "rollback").await;
    assert!(back, "{answer}");
    shows::<1>(&site).await;
    deposits(&site).await;
    shows::<1>(&site).await;
    assert!(is_there(&place, "totals__2").await, "the table of the new version is kept");

    let (dropped, answer) = asked(&site, "drop-previous").await;
    assert!(dropped, "{answer}");
    assert!(!is_there(&place, "totals__2").await);
    deposits(&site).await;
    shows::<1>(&site).await;
    old.stop().await;
    new.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_new_one_first() {
    let place = Place::shared().await;
    let site = Site::postgres(&place).await;
    let new = Member::start(&site, "new", &["version=2"]).await;
    deposits(&site).await;
    let old = Member::start(&site, "old", &["version=1"]).await;
    deposits(&site).await;
    shows::<2>(&site).await;
    let all_new = |status: &ConsumerStatus| {
        status.partitions.iter().all(|part| part.owner.as_deref() == Some("new"))
    };
    site.until("totals", "kept by the new one", SOON, all_new).await;
    old.stop().await;
    deposits(&site).await;
    shows::<2>(&site).await;
    new.stop().await;
}
