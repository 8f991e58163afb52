//! A key that cannot be parked, because the table does not take it: the partition stands still in front of its
//! event, says so, and goes on by itself when the table takes it.

use std::time::Duration;

use annals::ops::ConsumerStatus;
use annals::{Position, ops};

use super::member::Member;
use super::site::Site;
use crate::postgres::place::Place;

const SOON: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_cursor_stays_where_it_was() {
    let place = Place::shared().await;
    let site = Site::postgres(&place).await;
    let (parked, refuse) = (place.name("annals_parked_keys"), place.name("refuse_parking"));
    let client = place.client().await;
    let sql = format!(
        "CREATE FUNCTION {refuse}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
             RAISE EXCEPTION 'no parking here';
         END $$;
         CREATE TRIGGER refuse BEFORE INSERT ON {parked} FOR EACH ROW EXECUTE FUNCTION {refuse}();"
    );
    client.batch_execute(&sql).await.expect("the schema is ours");
    let member = Member::start(&site, "first", &["breaks=yes"]).await;
    // It is opened, too.
    site.deposit(1, 1).await;
    site.done("counting", SOON).await;
    site.deposit_special(1).await;
    site.deposit(1, 1).await;
    let says_so = |status: &ConsumerStatus| {
        status.trouble.iter().any(|trouble| trouble.contains("no parking here"))
    };
    site.until("counting", "in trouble", SOON, says_so).await;
    let status = site.status("counting").await;
    let before = Position::new(2);
    assert_eq!((status.position, status.parked_keys), (before, 0), "{status:#?}");
    assert!(ops::parked(&*site.store, "counting").await.expect("readable").is_empty());

    client.batch_execute(&format!("DROP TRIGGER refuse ON {parked}")).await.expect("it is there");
    let is_parked = |status: &ConsumerStatus| status.parked_keys == 1;
    site.until("counting", "parked", SOON, is_parked).await;
    let waiting = ops::parked(&*site.store, "counting").await.expect("readable");
    assert_eq!(waiting[0].position, Position::new(3), "{waiting:?}");
    member.stop().await;

    let mended = Member::start(&site, "mended", &[]).await;
    site.done("counting", SOON).await;
    site.done("totals", SOON).await;
    site.check().await;
    mended.stop().await;
}
