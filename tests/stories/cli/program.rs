//! A program that the command looks at: it counts what comes to tills, and refuses thirteen cents until
//! it is mended.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use annals::Partitions;
use annals::prelude::*;
use annals::store::Append;
use annals::{EngineOptions, ExpectedVersion, NewEvent, StreamId};
use annals_tests::bank::AccountEvent;
use serde_json::Value;

use super::command::annals;
use super::site::Site;

/// How long something may take; the machine may be busy.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

#[derive(ReadModel, Debug, Clone, PartialEq)]
#[read_model(table = "tills")]
pub(super) struct Till {
    #[key]
    pub(super) account: u32,
    pub(super) n: i64,
}

pub(super) struct Tills {
    /// Whether thirteen is taken in after all.
    pub(super) mended: Arc<AtomicBool>,
}

impl Projection for Tills {
    type Event = AccountEvent;
    type Row = Till;
    const PARTITIONS: Partitions = Partitions::ById;

    fn fold(&self, account: &u32, row: &mut Option<Till>, event: &Recorded<AccountEvent>) {
        let bad = event.data == AccountEvent::Deposited { cents: 13 };
        assert!(!bad || self.mended.load(Ordering::SeqCst), "thirteen is refused");
        row.get_or_insert(Till { account: *account, n: 0 }).n += 1;
    }
}

#[derive(ReadModel, Debug, Clone, PartialEq)]
#[read_model(table = "totals")]
pub(super) struct Total {
    #[key]
    account: u32,
    n: i64,
}

/// One that has one partition.
pub(super) struct Totals;

impl Projection for Totals {
    type Event = AccountEvent;
    type Row = Total;

    fn fold(&self, account: &u32, row: &mut Option<Total>, _: &Recorded<AccountEvent>) {
        row.get_or_insert(Total { account: *account, n: 0 }).n += 1;
    }
}

/// Rounds that are short, and parked keys that wait for a person.
pub(super) fn options() -> EngineOptions {
    EngineOptions {
        label: "the-till".to_owned(),
        lease: Duration::from_secs(2),
        retry_after: Duration::from_millis(1),
        retry_in_place: Duration::from_millis(10),
        parked_after: Duration::from_secs(3600),
        ..EngineOptions::default()
    }
}

/// Starts it.
pub(super) async fn start(site: &Site, mended: &Arc<AtomicBool>) -> Annals {
    let started = Annals::on_shared(site.store().await)
        .events::<AccountEvent>()
        .project(Tills { mended: mended.clone() })
        .engine_options(options());
    started.start().await.expect("it starts")
}

/// Appends so many events to an account.
pub(super) async fn deposit(annals: &Annals, account: u32, cents: &[i64]) {
    let events = cents.iter().map(|cents| AccountEvent::Deposited { cents: *cents });
    let events = events.map(|event| NewEvent::of(&event).expect("it can be written"));
    let stream = StreamId::parse(format!("account-{account}")).expect("a good name");
    let append = Append::to(stream, ExpectedVersion::Any, events.collect());
    annals.append(append).await.expect("it is appended");
}

/// What stands on a till.
pub(super) async fn count(annals: &Annals, account: u32) -> i64 {
    let till = annals.read::<Till>().get(&account).await.expect("it can be read");
    till.map_or(0, |till| till.n)
}

/// Waits until so much stands on a till.
pub(super) async fn counts(annals: &Annals, account: u32, n: i64) {
    let end = Instant::now() + PATIENCE;
    loop {
        let found = count(annals, account).await;
        if found == n {
            return;
        }
        assert!(found < n && Instant::now() < end, "{found} instead of {n} on till {account}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// A consumer, as the command shows it.
pub(super) fn status(site: &Site, name: &str) -> Value {
    annals(&site.name(), &["consumers", "status", name, "--json"]).json()
}

/// Waits until a consumer is as it should be.
pub(super) async fn until(site: &Site, name: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    let end = Instant::now() + PATIENCE;
    loop {
        let status = status(site, name);
        if wanted(&status) {
            return status;
        }
        assert!(Instant::now() < end, "this never came: {status}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Whether it works on everything and has come to the end of the log.
pub(super) fn is_live(status: &Value) -> bool {
    let parts = status["partitions"].as_array().expect("a list");
    status["lag"]["events"] == 0
        && status["trouble"].as_array().is_some_and(Vec::is_empty)
        && !parts.is_empty()
        && parts.iter().all(|part| part["state"] == "live")
}
