//! Three members on PostgreSQL that are killed, frozen and stopped by chance, while two write. Every effect in
//! the database is there once, every effect outside at least once and in the order of its key, and nobody who
//! has lost a partition writes to it: whether consumers are cut anew meanwhile, are rebuilt, run in two versions
//! of the program, or reach their store through a pooler or a network that breaks.

use annals_tests::postgres::{Bouncer, Proxy, Server, host_of, proxied};

use super::chaos::Chaos;
use super::history;
use super::site::Site;
use crate::postgres::place::Place;

/// How many connections of the server all members share behind a pooler.
const POOLED: usize = 10;

/// Members give a silent connection up soon after this time.
const IMPATIENT: &str =
    "&frozen_after_ms=900&statement_timeout_ms=2000&lock_timeout_ms=2000&pool_timeout_ms=2000";

async fn play<const VERSION: u32>(site: Site, place: &Place, chaos: Chaos<'_>) {
    history::keep(place).await;
    chaos.run(&site).await;
    site.check_version::<VERSION>().await;
    println!("{} effects outside happened again", site.check_effects().await);
    history::check(place, 10).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cut_anew() {
    let place = Place::shared().await;
    let site = Site::postgres(&place).await;
    play::<1>(site, &place, Chaos { times: 2, cuts: &[8, 1, 2], ..Chaos::default() }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rebuilt() {
    let place = Place::shared().await;
    let site = Site::postgres(&place).await;
    play::<1>(site, &place, Chaos { rebuilds: true, ..Chaos::default() }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_two_versions() {
    let place = Place::shared().await;
    let site = Site::postgres(&place).await;
    play::<2>(site, &place, Chaos { versions: true, ..Chaos::default() }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn through_a_pooler() {
    let place = Place::shared().await;
    let bouncer = Bouncer::to(&place.url, POOLED).await;
    let site = Site::postgres_by_way_of(&place, bouncer.url(), "&pooler=transaction").await;
    play::<1>(site, &place, Chaos { cuts: &[2], ..Chaos::default() }).await;
}

/// On a server of its own, because of the connections that it takes for alive.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn through_a_network_that_breaks() {
    let server = Server::start_with(&[("max_connections", "500")]).await;
    let place = Place::on(&server);
    let network = Proxy::to(host_of(&place.url)).await;
    let way = proxied(&place.url, &network);
    let site = Site::postgres_by_way_of(&place, &way, IMPATIENT).await;
    play::<1>(site, &place, Chaos { network: Some(&network), ..Chaos::default() }).await;
}
