//! The server is stopped, and killed, while members work and others write, and in the middle of a take-over:
//! everything goes on by itself.

use std::time::Duration;

use annals_tests::postgres::Server;

use super::chaos::CONSUMERS;
use super::member::Member;
use super::site::Site;
use crate::postgres::gate::Gate;
use crate::postgres::place::Place;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_goes_on() {
    let mut server = Server::start().await;
    let place = Place::on(&server);
    let site = Site::postgres_with(&place, "&connect_retry_ms=20000").await;
    let first = Member::start(&site, "first", &[]).await;
    let second = Member::start(&site, "second", &[]).await;
    for round in 0..3 {
        for account in 0..20 {
            site.deposit(account, 1).await;
        }
        match round {
            0 => server.stop_fast(),
            1 => server.kill_9(),
            _ => server.stop_immediate(),
        }
        server.start_again().await;
    }
    site.deposit(1, 1).await;
    for consumer in CONSUMERS {
        let took = site.done(consumer, Duration::from_secs(30)).await;
        println!("`{consumer}` has done everything {took:?} after the last restart");
    }
    site.check().await;
    site.check_effects().await;
    first.stop().await;
    second.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn inside_a_take_over() {
    let played = tokio::time::timeout(Duration::from_secs(90), killed_inside_a_take_over()).await;
    played.expect("it comes to an end");
}

async fn killed_inside_a_take_over() {
    let mut server = Server::start().await;
    let place = Place::on(&server);
    let site = Site::postgres_with(&place, "&connect_retry_ms=20000").await;
    let gate = Gate::at(&place, "annals_partitions", "UPDATE").await;
    let mut first = Member::start(&site, "first", &[]).await;
    for account in 0..20 {
        site.deposit(account, 1).await;
    }
    for consumer in CONSUMERS {
        site.done(consumer, Duration::from_secs(30)).await;
    }
    first.kill().await;
    gate.shut().await;
    // It is about to take a partition over, and cannot commit.
    let second = Member::start(&site, "second", &[]).await;
    gate.somebody_waits().await;
    server.kill_9();
    server.start_again().await;
    for account in 0..20 {
        site.deposit(account, 1).await;
    }
    for consumer in CONSUMERS {
        site.done(consumer, Duration::from_secs(30)).await;
        let status = site.status(consumer).await;
        let mut owners = status.partitions.iter().map(|part| part.owner.as_deref());
        assert!(owners.all(|owner| owner == Some("second")), "{status:#?}");
    }
    site.check().await;
    site.check_effects().await;
    second.stop().await;
}
