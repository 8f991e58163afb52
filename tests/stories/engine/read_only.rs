//! The server is lost, and its standby answers in its place for ten seconds before it is promoted: everything
//! can be read and nothing can be written. Members wait, whatever they were doing, no event is blamed for it,
//! and everything goes on by itself.

use std::time::Duration;

use annals_tests::bank::Account;
use annals_tests::postgres::{Proxy, Server, host_of, proxied};
use tokio::sync::watch;

use super::chaos::CONSUMERS;
use super::history;
use super::member::Member;
use super::site::Site;
use crate::postgres::place::Place;

const READ_ONLY: Duration = Duration::from_secs(10);

/// How many accounts are written to.
const ACCOUNTS: u64 = 20;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_waits_and_goes_on() {
    let played = tokio::time::timeout(Duration::from_secs(120), story()).await;
    played.expect("it comes to an end");
}

async fn story() {
    let mut primary = Server::start().await;
    let standby = primary.standby().await;
    let proxy = Proxy::to(host_of(&primary.url())).await;
    let mut place = Place::on(&primary);
    place.url = proxied(&primary.url(), &proxy);
    let site = Site::postgres(&place).await;
    history::keep(&place).await;
    note_parked_keys(&place).await;
    let first = Member::start(&site, "first", &["waits=1500"]).await;
    let second = Member::start(&site, "second", &["waits=1500"]).await;
    let (over, is_over) = watch::channel(false);
    let breaks = async {
        for account in 0..ACCOUNTS {
            site.deposit(account, 1).await;
        }
        // A handler is in the middle of it, and others have just begun.
        site.deposit_special(1).await;
        primary.kill_9();
        proxy.lead_to(host_of(&standby.url()));
        tokio::time::sleep(READ_ONLY).await;
        let refused = site.annals.execute(&1, |account: &Account| account.deposit(1)).await;
        let refused = refused.expect_err("it is a standby").to_string();
        standby.promote().await;
        over.send_replace(true);
        refused
    };
    let (refused, refusals) = tokio::join!(breaks, write(&site, is_over));
    println!("{refusals} deposits were refused; the last said: {refused}");
    for way_out in ["cannot be written", "standby"] {
        assert!(refused.contains(way_out), "{refused}");
    }
    for account in 0..ACCOUNTS {
        site.deposit(account, 1).await;
    }
    for consumer in CONSUMERS {
        let took = site.done(consumer, Duration::from_secs(20)).await;
        println!("`{consumer}` has done everything {took:?} after the promotion");
    }
    site.check().await;
    site.check_effects().await;
    history::check(&place, 3).await;
    let parked = "SELECT consumer || ': ' || reason FROM annals.story_of_parked";
    let parked = place.client().await.query(&parked.replace("annals.", &place.name("")), &[]).await;
    let parked = parked.expect("it can be read");
    let parked: Vec<String> = parked.iter().map(|row| row.get(0)).collect();
    assert!(parked.is_empty(), "nothing is ever parked: {parked:?}");
    first.stop().await;
    second.stop().await;
}

/// Writes down what is parked, also if it is healed later.
async fn note_parked_keys(place: &Place) {
    let sql = include_str!("read_only/note_parked.sql").replace("annals.", &place.name(""));
    place.client().await.batch_execute(&sql).await.expect("the schema is ours");
}

/// Deposits until it is over, where that can be done; returns how often it could not.
async fn write(site: &Site, over: watch::Receiver<bool>) -> u64 {
    let (mut times, mut refusals) = (0, 0);
    while !*over.borrow() {
        times += 1;
        let deposit = |account: &Account| account.deposit(1);
        let deposited = site.annals.execute(&(times % ACCOUNTS), deposit).await;
        refusals += u64::from(deposited.is_err());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    refusals
}
