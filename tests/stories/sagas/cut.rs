//! The connection to the server is cut behind every so many bytes of a step and of what follows it: whatever
//! statement that is, the step counts once, no timer is without a state, and no command is lost or doubled.

use std::sync::Arc;
use std::time::Duration;

use annals::sagas::{Census, ops};
use annals::store::Store;
use annals::{Annals, PgStore};
use annals_tests::postgres::{host_of, proxied};
use annals_tests::servers::Proxy;
use annals_tests::shop::{Checkout, ShopEvent};

use super::checkout::{place, stock, told};
use crate::homes::quick;
use crate::postgres::place::Place;

/// How many cuts, and how many bytes lie between two of them: a step with its commands answers in some 4,000.
const CUTS: usize = 160;
const BYTES: usize = 37;

async fn story() {
    let home = Place::shared().await;
    let proxy = Proxy::to(host_of(&home.url)).await;
    let options =
        home.options_at(&proxied(&home.url, &proxy)).connect_retry(Duration::from_secs(20));
    let behind: Arc<dyn Store> = Arc::new(PgStore::connect_with(options).await.expect("it opens"));
    let program = Annals::on_shared(behind).events::<ShopEvent>().saga::<Checkout>();
    let program = program.engine_options(quick()).start().await.expect("it starts");
    let writer = Annals::on_shared(home.store().await).events::<ShopEvent>();
    let writer = writer.start().await.expect("it starts");
    stock(&writer, CUTS as i64).await;
    for cut in 0..CUTS {
        let happened = proxy.cut_after_bytes_from_server(1 + cut * BYTES);
        place(&writer, &cut.to_string(), ["ada", "poor", "slow"][cut % 3]).await;
        happened.await.expect("the proxy says so");
    }
    let told = told(&writer, CUTS).await;
    let count = |what: &str| told.iter().filter(|line| line.ends_with(what)).count();
    assert_eq!(count("reserved"), CUTS, "{told:?}");
    assert_eq!(count("released") + count("confirmed"), CUTS, "{told:?}");
    assert_eq!(count("confirmed") + count("refunded"), count("charged"), "{told:?}");
    let (log, work) = (writer.stores().log(), writer.stores().work());
    let census = async || Census::of(&**work, "checkout").await.expect("readable");
    while census().await.open() > 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(census().await.count("completed"), count("confirmed") as u64);
    assert_eq!(census().await.count("compensated"), (CUTS - count("confirmed")) as u64);
    let open = ops::open((&**log, &**work), "checkout", 10).await.expect("readable");
    assert!(open.is_empty(), "no timer is left: {open:?}");
    program.shutdown().await;
    writer.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn behind_every_statement() {
    let played = tokio::time::timeout(Duration::from_secs(120), story()).await;
    played.expect("it hangs");
}
