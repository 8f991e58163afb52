//! One consumer of three cannot take an event: the other two go on, and its other keys too; health says
//! which it is.

use std::time::Duration;

use annals::ops;

use super::member::Member;
use super::site::Site;
use crate::postgres::place::Place;

const SOON: Duration = Duration::from_secs(20);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_others_go_on() {
    let place = Place::shared().await;
    let site = Site::postgres(&place).await;
    let broken = Member::start(&site, "broken", &["breaks=yes"]).await;
    site.deposit_special(1).await;
    let parked = |status: &ops::ConsumerStatus| status.parked_keys == 1;
    site.until("counting", "parked", SOON, parked).await;
    for account in 1..10 {
        site.deposit(account, 1).await;
    }
    for consumer in ["totals", "noting"] {
        site.done(consumer, SOON).await;
    }
    let health = ops::health(&*site.store).await;
    let troubled: Vec<_> = health.trouble.keys().map(String::as_str).collect();
    assert_eq!((troubled.as_slice(), health.live), (&["counting"][..], true), "{health:?}");
    broken.stop().await;

    // A program that can take the event heals the key.
    let mended = Member::start(&site, "mended", &[]).await;
    site.done("counting", SOON).await;
    site.check().await;
    site.check_effects().await;
    mended.stop().await;
}
