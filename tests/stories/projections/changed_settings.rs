//! What a program says of a projection changes and its version does not: what cannot be taken over is
//! refused and says the way out, and what can be loses no order.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use annals::ops::{self, Ask};
use annals::prelude::*;
use annals::{Annals, EngineOptions, OnFailure, Partitions, ProjectionError, RunState, StartError};
use annals_tests::bank::AccountEvent;

use crate::homes::{Home, append, deposit, quick, until};

/// Notes the amounts of an account in the order they come in. 13 is refused until it is mended.
macro_rules! amounts {
    ($module:ident: $table:literal, version $version:literal, $partitions:ident, $on_failure:ident) => {
        mod $module {
            #![allow(dead_code, reason = "each story uses its own part")]

            use super::*;

            #[derive(ReadModel, Debug, Clone, PartialEq)]
            #[read_model(table = $table)]
            pub(super) struct Row {
                #[key]
                pub(super) account: u32,
                pub(super) amounts: String,
            }

            #[derive(Clone, Copy)]
            pub(super) struct P(pub(super) &'static AtomicBool);

            impl Projection for P {
                type Event = AccountEvent;
                type Row = Row;
                const VERSION: u32 = $version;
                const PARTITIONS: Partitions = Partitions::$partitions;
                const ON_FAILURE: OnFailure = OnFailure::$on_failure;

                fn fold(
                    &self,
                    account: &u32,
                    row: &mut Option<Row>,
                    event: &Recorded<AccountEvent>,
                ) {
                    let AccountEvent::Deposited { cents } = event.data else { return };
                    let mended = self.0.load(Ordering::SeqCst);
                    assert!(cents != 13 || mended, "nobody pays 13");
                    let none = || Row { account: *account, amounts: String::new() };
                    row.get_or_insert_with(none).amounts.push_str(&format!("{cents} "));
                }
            }

            pub(super) async fn amounts(annals: &Annals, account: u32) -> String {
                let row = annals.read::<Row>().get(&account).await.unwrap();
                row.map(|row| row.amounts).unwrap_or_default()
            }
        }
    };
}

static MENDED: AtomicBool = AtomicBool::new(true);

amounts!(one: "cut", version 1, One, Park);
amounts!(by_id: "cut", version 1, ById, Park);
amounts!(by_id_anew: "cut", version 2, ById, Park);

fn refused(started: Result<Annals, StartError>) -> ProjectionError {
    match started.expect_err("it must not start") {
        StartError::Projection(error) => error,
        other => panic!("{other}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_partitions_want_another_version() {
    Home::each(|home| async move {
        let first = home.program().await.project(one::P(&MENDED)).start().await.unwrap();
        let last = deposit(&first, 1, 3).await;
        first.wait_for(last, Duration::from_secs(20)).await.unwrap();
        first.shutdown().await;

        let error = refused(home.program().await.project(by_id::P(&MENDED)).start().await);
        assert!(matches!(error, ProjectionError::PartitionsChanged { .. }), "{error}");
        let said = error.to_string();
        assert!(said.contains("was One and is ById") && said.contains("raise `VERSION`"), "{said}");

        // What it says helps.
        let anew = home.program().await.project(by_id_anew::P(&MENDED)).engine_options(quick());
        let anew = anew.start().await.unwrap();
        until(&anew, |status| status.state == RunState::Live).await;
        assert_eq!(by_id_anew::amounts(&anew, 1).await, "1 1 1 ", "on {}", home.name());
        // Not into the transaction of an append: four checkpoints move on their own.
        let inline = home.program().await.project_inline(by_id_anew::P(&MENDED)).start().await;
        let error = refused(inline);
        assert!(matches!(error, ProjectionError::CutAnew { .. }), "{error}");
        anew.shutdown().await;
    })
    .await;
}

amounts!(parks: "parks_first", version 1, One, Park);
amounts!(then_stops: "parks_first", version 1, One, Stop);
amounts!(skips: "skips_first", version 1, One, Skip);
amounts!(then_parks: "skips_first", version 1, One, Park);

/// Keys are parked at once, and tried again when somebody says so.
fn options() -> EngineOptions {
    let hour = Duration::from_secs(3_600);
    EngineOptions { retry_in_place: Duration::from_millis(5), parked_after: hour, ..quick() }
}

async fn asked(home: &Home, consumer: &str, ask: &Ask) -> String {
    let store = home.store().await;
    let id = ops::ask(&*store, consumer, ask, ("ada", "it is mended")).await.unwrap();
    loop {
        let request = ops::request(&*store, id).await.unwrap().unwrap();
        if request.is_over() {
            return request.answer.unwrap();
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn amounts(cents: &[i64]) -> Vec<AccountEvent> {
    cents.iter().map(|cents| AccountEvent::Deposited { cents: *cents }).collect()
}

async fn parked_events(home: &Home, consumer: &str) -> Vec<(u64, bool)> {
    let parked = ops::parked(&*home.store().await, consumer).await.unwrap();
    parked.iter().map(|key| (key.events, key.skipped)).collect()
}

/// What was parked before goes on waiting in order; only what fails from now on is dealt with otherwise.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_parked_waits_on() {
    Home::each(|home| async move {
        static MENDED: AtomicBool = AtomicBool::new(false);
        MENDED.store(false, Ordering::SeqCst);
        let builder = home.program().await.project(parks::P(&MENDED)).engine_options(options());
        let annals = builder.start().await.unwrap();
        append(&annals, 1, amounts(&[1, 13, 2])).await;
        let last = append(&annals, 2, amounts(&[5])).await;
        annals.wait_for(last, Duration::from_secs(20)).await.unwrap();
        assert_eq!(parked_events(&home, "parks_first").await, [(2, false)]);
        annals.shutdown().await;

        let stops = home.program().await.project(then_stops::P(&MENDED)).engine_options(options());
        let annals = stops.start().await.unwrap();
        append(&annals, 1, amounts(&[3])).await;
        let last = append(&annals, 2, amounts(&[6])).await;
        annals.wait_for(last, Duration::from_secs(20)).await.unwrap();
        assert_eq!(then_stops::amounts(&annals, 1).await, "1 ", "on {}", home.name());
        assert_eq!(then_stops::amounts(&annals, 2).await, "5 6 ");
        assert_eq!(parked_events(&home, "parks_first").await, [(3, false)]);
        // From now on it stands still at what fails.
        append(&annals, 3, amounts(&[13])).await;
        until(&annals, |status| status.state == RunState::Failed).await;
        assert_eq!(parked_events(&home, "parks_first").await.len(), 1);

        MENDED.store(true, Ordering::SeqCst);
        until(&annals, |status| status.state == RunState::Live).await;
        asked(&home, "parks_first", &Ask::Retry(vec!["account-1".to_owned()])).await;
        until(&annals, |status| status.parked_keys == 0).await;
        assert_eq!(then_stops::amounts(&annals, 1).await, "1 13 2 3 ");
        annals.shutdown().await;
    })
    .await;
}

/// A key that went on without what was skipped is not held up when the projection parks from now on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_skipped_holds_nothing_up() {
    Home::each(|home| async move {
        static MENDED: AtomicBool = AtomicBool::new(false);
        MENDED.store(false, Ordering::SeqCst);
        let builder = home.program().await.project(skips::P(&MENDED)).engine_options(options());
        let annals = builder.start().await.unwrap();
        let last = append(&annals, 1, amounts(&[1, 13, 2])).await;
        annals.wait_for(last, Duration::from_secs(20)).await.unwrap();
        assert_eq!(skips::amounts(&annals, 1).await, "1 2 ", "on {}", home.name());
        assert_eq!(parked_events(&home, "skips_first").await, [(1, true)]);
        let verify = Ask::Other("verify".to_owned(), "{}".to_owned());
        assert_eq!(asked(&home, "skips_first", &verify).await, "1 rows follow from history");
        annals.shutdown().await;

        let parks = home.program().await.project(then_parks::P(&MENDED)).engine_options(options());
        let annals = parks.start().await.unwrap();
        let last = append(&annals, 1, amounts(&[3])).await;
        annals.wait_for(last, Duration::from_secs(20)).await.unwrap();
        assert_eq!(then_parks::amounts(&annals, 1).await, "1 2 3 ");
        MENDED.store(true, Ordering::SeqCst);
        asked(&home, "skips_first", &Ask::Retry(vec!["account-1".to_owned()])).await;
        until(&annals, |status| status.parked_keys == 0).await;
        assert_eq!(then_parks::amounts(&annals, 1).await, "1 2 3 13 ");
        annals.shutdown().await;
    })
    .await;
}
