//! A pause outlives everybody who runs the consumer.

use std::time::Duration;

use annals::ops::Ask;

use super::member::Member;
use super::site::Site;
use crate::postgres::place::Place;

const SOON: Duration = Duration::from_secs(20);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn until_it_is_told_to_go_on() {
    let place = Place::shared().await;
    let site = Site::postgres(&place).await;
    let mut members = Vec::new();
    for label in ["first", "second"] {
        members.push(Member::start(&site, label, &[]).await);
    }
    site.deposit(1, 1).await;
    site.done("totals", SOON).await;
    let paused = site.ask("totals", &Ask::Pause).await;
    assert_eq!(site.answer(paused, SOON).await, (true, "paused".to_owned()));
    let stood = site.status("totals").await.position;
    for member in &mut members {
        member.kill().await;
    }

    let afresh = Member::start(&site, "afresh", &[]).await;
    site.deposit(1, 1).await;
    // The others see the event, and so would this one.
    site.done("counting", SOON).await;
    let status = site.status("totals").await;
    assert_eq!((status.position, status.paused_by.is_some()), (stood, true), "{status:#?}");
    assert!(status.partitions.iter().all(|part| part.owner.is_none()), "{status:#?}");

    let resumed = site.ask("totals", &Ask::Resume).await;
    assert!(site.answer(resumed, SOON).await.0);
    site.done("totals", SOON).await;
    site.check().await;
    afresh.stop().await;
}
