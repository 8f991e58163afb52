//! A handler that takes five leases for one event keeps its partition, whether it waits or blocks the
//! only thread of its program: signs of life come from a thread of their own. It runs once.

use std::time::Duration;

use super::member::Member;
use super::site::Site;
use crate::postgres::place::Place;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_waits() {
    runs_once("waits=5000").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_blocks_its_thread() {
    runs_once("blocks=5000").await;
}

async fn runs_once(takes_long: &str) {
    let place = Place::shared().await;
    // Of a blocked process the server hears nothing: it has the default time.
    let site = Site::postgres_with(&place, "").await;
    let first = Member::start(&site, "first", &[takes_long]).await;
    let second = Member::start(&site, "second", &[takes_long]).await;
    site.deposit(1, 1).await;
    site.deposit_special(1).await;
    let took = site.done("counting", Duration::from_secs(20)).await;
    assert!(took > Duration::from_secs(4), "it took {took:?}");
    // Its partition may be with the one that was blocked.
    site.done("totals", Duration::from_secs(20)).await;
    site.check().await;
    let mut said = Vec::new();
    for member in [first, second] {
        said.extend(member.stop_and_hear().await);
    }
    said.retain(|line| line == "begins" || line == "ends");
    assert_eq!(said, ["begins", "ends"]);
}
