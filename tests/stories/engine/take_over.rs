//! A member is killed or frozen: how soon the other one has its partitions, and that the frozen one
//! commits nothing when it comes back.

use std::time::{Duration, Instant};

use annals::ops::ConsumerStatus;

use super::member::Member;
use super::site::{LEASE, Site};
use crate::postgres::place::Place;

const CONSUMERS: [&str; 3] = ["totals", "counting", "noting"];

/// What a busy machine may add to any time.
const SLACK: Duration = Duration::from_secs(2);

/// Two members that share, and some work done.
async fn two(site: &Site, settings: &[&str]) -> (Member, Member) {
    let first = Member::start(site, "first", settings).await;
    let second = Member::start(site, "second", settings).await;
    for account in 0..20 {
        site.deposit(account, 1).await;
    }
    for consumer in CONSUMERS {
        let even = |status: &ConsumerStatus| {
            let of = |label| {
                let owners = status.partitions.iter().filter_map(|part| part.owner.as_deref());
                owners.filter(|owner| *owner == label).count()
            };
            of("first") == 2 && of("second") == 2
        };
        site.until(consumer, "shared by two", Duration::from_secs(20), even).await;
        site.done(consumer, Duration::from_secs(20)).await;
    }
    (first, second)
}

/// Waits until all is the second's, and done.
async fn taken_over(site: &Site, since: Instant) -> Duration {
    let of_second = |status: &ConsumerStatus| {
        let mut owners = status.partitions.iter().map(|part| part.owner.as_deref());
        owners.all(|owner| owner == Some("second"))
    };
    for consumer in CONSUMERS {
        site.until(consumer, "taken over", Duration::from_secs(20), of_second).await;
    }
    let took = since.elapsed();
    for consumer in CONSUMERS {
        site.done(consumer, Duration::from_secs(20)).await;
    }
    took
}

async fn more(site: &Site) {
    for account in 0..20 {
        site.deposit(account, 1).await;
    }
}

/// A lease of half a minute would be long to wait for: the lock of the file says it at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_is_noticed_by_the_lock() {
    let place = Place::shared().await;
    let site = Site::postgres(&place).await;
    // A sweep is made every third of the lease.
    let (mut first, second) = two(&site, &["lease=6000"]).await;
    let killed = Instant::now();
    first.kill().await;
    more(&site).await;
    let took = taken_over(&site, killed).await;
    println!("taken over {took:?} after a crash, with the lock and a lease of 6 s");
    assert!(took < Duration::from_secs(2) + SLACK, "{took:?}");
    site.check().await;
    site.check_effects().await;
    second.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_is_noticed_by_the_lease() {
    let place = Place::shared().await;
    let site = Site::postgres(&place).await;
    let (mut first, second) = two(&site, &["locks=no"]).await;
    let killed = Instant::now();
    first.kill().await;
    more(&site).await;
    let took = taken_over(&site, killed).await;
    println!("taken over {took:?} after a crash, without the lock and with a lease of {LEASE:?}");
    assert!(took < LEASE + Duration::from_secs(1) + SLACK, "{took:?}");
    site.check().await;
    site.check_effects().await;
    second.stop().await;
}

/// While the first one is frozen, the second does everything; when it comes back, each has its share
/// again, and nothing is there twice.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frozen_one_comes_back() {
    let place = Place::shared().await;
    let site = Site::postgres(&place).await;
    let (first, second) = two(&site, &[]).await;
    let frozen = Instant::now();
    first.freeze();
    more(&site).await;
    let took = taken_over(&site, frozen).await;
    println!("taken over {took:?} after a freeze, with a lease of {LEASE:?}");
    assert!(took < LEASE + Duration::from_secs(1) + SLACK, "{took:?}");
    site.check().await;

    first.thaw();
    more(&site).await;
    for consumer in CONSUMERS {
        let has_some = |status: &ConsumerStatus| {
            status.partitions.iter().filter(|part| part.owner.as_deref() == Some("first")).count()
                == 2
        };
        site.until(consumer, "shared again", Duration::from_secs(20), has_some).await;
        site.done(consumer, Duration::from_secs(20)).await;
    }
    site.check().await;
    site.check_effects().await;
    first.stop().await;
    second.stop().await;
}
