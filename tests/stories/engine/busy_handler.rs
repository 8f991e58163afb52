//! A handler that takes five leases for one event keeps its partition, whether it waits or blocks the
//! only thread of its program: signs of life come from a thread of their own. It runs once. One that blocks
//! for longer than a transaction may stand still has written nothing, and parks its key.

use std::time::Duration;

use annals::ops::{self, ConsumerStatus};
use annals_tests::members::Seen;

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

/// The server has ended its transaction, and others need not wait for what it has locked.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_blocks_for_too_long() {
    let soon = Duration::from_secs(40);
    let place = Place::shared().await;
    // A process may stand still for 900 ms.
    let site = Site::postgres(&place).await;
    let slow = Member::start(&site, "slow", &["blocks=1500"]).await;
    site.deposit_special(1).await;
    let parked = |status: &ConsumerStatus| status.parked_keys == 1;
    let took = site.until("counting", "parked", soon, parked).await;
    println!("parked {took:?} after it began to block");
    let shown = ops::parked(&*site.store, "counting").await.expect("it can be read");
    assert!(shown[0].reason.contains("frozen_after"), "{shown:?}");
    // Behind it, and eight others, which are opened too.
    for account in 1..10 {
        site.deposit(account, 1).await;
    }
    let seen = async || site.annals.read::<Seen>().list().await.expect("it can be read");
    let others = async {
        while seen().await.len() < 1 + 16 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(soon, others).await.expect("all other keys go on");
    let of_slow = |seen: &Seen| [2, 3].contains(&seen.position);
    assert!(!seen().await.iter().any(of_slow), "it wrote nothing");
    // It ended all the same, each time: its commit was refused.
    let said = slow.stop_and_hear().await;
    assert!(said.iter().filter(|line| *line == "ends").count() > 1, "{said:?}");

    let quick = Member::start(&site, "quick", &[]).await;
    for consumer in ["totals", "counting"] {
        site.done(consumer, soon).await;
    }
    site.check().await;
    quick.stop().await;
}
