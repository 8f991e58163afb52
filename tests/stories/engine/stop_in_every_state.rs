//! A stop returns in time, whatever a member is doing: in the middle of a handler, in the middle of a
//! rebuild, and without its database.

use std::time::Duration;

use annals::ops::Ask;
use annals_tests::postgres::Server;

use super::member::Member;
use super::site::Site;
use crate::postgres::place::Place;

/// Members break off after 3 s; the rest is for a busy machine.
const IN_TIME: Duration = Duration::from_secs(6);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_a_handler() {
    let place = Place::shared().await;
    let site = Site::postgres(&place).await;
    let mut member = Member::start(&site, "first", &["waits=60000"]).await;
    site.deposit_special(1).await;
    assert_eq!(member.says().await.as_deref(), Some("begins"));
    let took = member.stop().await;
    println!("stopped in {took:?} in a handler");
    assert!(took < IN_TIME, "{took:?}");

    // What was broken off is done by the next one.
    let next = Member::start(&site, "next", &[]).await;
    site.done("counting", Duration::from_secs(20)).await;
    site.done("totals", Duration::from_secs(20)).await;
    site.check().await;
    next.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_a_rebuild() {
    let place = Place::shared().await;
    let site = Site::postgres(&place).await;
    let member = Member::start(&site, "first", &[]).await;
    site.deposit_special(1).await;
    site.done("counting", Duration::from_secs(20)).await;
    member.stop().await;

    let mut member = Member::start(&site, "second", &["waits=60000"]).await;
    let rebuild = site.ask("counting", &Ask::Other("rebuild".to_owned(), "{}".to_owned())).await;
    assert_eq!(member.says().await.as_deref(), Some("begins"));
    let took = member.stop().await;
    println!("stopped in {took:?} in a rebuild");
    assert!(took < IN_TIME, "{took:?}");

    // The request is still there, and the next one carries it out.
    let next = Member::start(&site, "next", &[]).await;
    let (carried_out, answer) = site.answer(rebuild, Duration::from_secs(20)).await;
    assert!(carried_out, "{answer}");
    site.done("totals", Duration::from_secs(20)).await;
    site.check().await;
    next.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_database() {
    let mut server = Server::start().await;
    let place = Place::on(&server);
    let site = Site::postgres(&place).await;
    let mut busy = Member::start(&site, "busy", &["waits=60000"]).await;
    site.deposit_special(1).await;
    assert_eq!(busy.says().await.as_deref(), Some("begins"));
    let idle = Member::start(&site, "idle", &[]).await;
    server.stop_immediate();
    for member in [busy, idle] {
        let took = member.stop().await;
        println!("stopped in {took:?} without the database");
        assert!(took < IN_TIME, "{took:?}");
    }
}
