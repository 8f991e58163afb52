//! A dry run says what a rebuild would do, and does nothing.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use annals::ops::{self, Ask};
use annals::prelude::*;
use annals::store::BoxError;
use annals::table::TableSpec;
use annals::{
    EventHandler, HandlerTables, OnFailure, Position, RebuildError, RunState, async_trait,
};
use annals_tests::bank::AccountEvent;

use crate::homes::{Home, append, counter, deposit, quick};

static MENDED: AtomicBool = AtomicBool::new(true);

/// Counts deposits only, and refuses 13 cents until it is mended.
struct Deposits;

#[derive(ReadModel, Debug, Clone, PartialEq)]
#[read_model(table = "deposits")]
struct Count {
    #[key]
    account: u32,
    events: i64,
}

impl Projection for Deposits {
    type Event = AccountEvent;
    type Row = Count;
    const ON_FAILURE: OnFailure = OnFailure::Stop;

    fn fold(&self, account: &u32, row: &mut Option<Count>, event: &Recorded<AccountEvent>) {
        let bad = event.data == AccountEvent::Deposited { cents: 13 };
        assert!(!bad || MENDED.load(Ordering::SeqCst), "nobody pays 13");
        row.get_or_insert(Count { account: *account, events: 0 }).events += 1;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_says_what_and_for_how_long_and_whether_all_fits() {
    Home::each(|home| async move {
        MENDED.store(true, Ordering::SeqCst);
        let annals = home.program().await.project(Deposits).engine_options(quick());
        let annals = annals.start().await.unwrap();
        deposit(&annals, 1, 40).await;
        let cents = [1, 13, 2].map(|cents| AccountEvent::Deposited { cents });
        let last = append(&annals, 2, cents.into()).await;
        annals.wait_for(last, Duration::from_secs(20)).await.unwrap();
        let key = "projection/deposits";
        let store = home.store().await;
        let before = annals::store::StateStore::state(&*store, key).await.unwrap();

        let plan = annals.rebuild_dry_run::<Deposits>().await.unwrap();
        assert_eq!((plan.looked_at, plan.taken_in), (43, 43), "on {}: {plan}", home.name());
        assert_eq!((plan.serving, plan.generation, plan.goes_on_at), (Some((1, 1)), 2, None));
        assert_eq!(plan.tables.len(), 1);
        assert_eq!((plan.tables[0].table.as_str(), plan.tables[0].rows), ("deposits", Some(2)));
        assert_eq!((plan.rows, plan.parked_keys), (Some(2), 0));
        assert!(plan.fits() && plan.expected().is_some(), "{plan}");

        // The first event that the fold cannot take in any more.
        MENDED.store(false, Ordering::SeqCst);
        let plan = annals.rebuild_dry_run::<Deposits>().await.unwrap();
        let failure = plan.failure.as_deref().unwrap();
        assert!(failure.contains("position 42 ") && failure.contains("account-2"), "{failure}");
        assert!(failure.contains("nobody pays 13"), "{failure}");
        assert_eq!((plan.looked_at, plan.rows), (43, None), "what follows it is counted");

        // Asked for past the program, it says the same.
        let id = ops::ask(&*store, "deposits", &Ask::RebuildDryRun, ("ada", "")).await.unwrap();
        let request = loop {
            let request = ops::request(&*store, id).await.unwrap().unwrap();
            if request.is_over() {
                break request;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        };
        let answer = request.answer.unwrap();
        assert!(
            answer.starts_with("nothing was done; a rebuild of `deposits` begins generation 2")
        );
        assert!(answer.contains("it looks at 43 events and takes 43 of them in"), "{answer}");
        assert!(answer.contains("stands still at the first event that fails"), "{answer}");

        assert_eq!(annals::store::StateStore::state(&*store, key).await.unwrap(), before);
        let status = annals.status().await.unwrap().remove(0);
        assert_eq!((status.state, status.last_error), (RunState::Live, None));
        assert_eq!(annals.read::<Count>().count().await.unwrap(), 2);
        MENDED.store(true, Ordering::SeqCst);
        annals.shutdown().await;
    })
    .await;
}

/// Writes by statements of its own: its events are read, and nothing of it is run.
struct Statements;

static HANDLED: AtomicBool = AtomicBool::new(false);

#[async_trait]
impl EventHandler for Statements {
    type Event = AccountEvent;
    const NAME: &'static str = "statements";
    const VERSION: u32 = 1;

    fn tables() -> Vec<TableSpec> {
        Vec::new()
    }

    async fn handle(
        &self,
        _: &Recorded<AccountEvent>,
        _: &mut HandlerTables<'_>,
    ) -> Result<(), BoxError> {
        HANDLED.store(true, Ordering::SeqCst);
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_handler_is_not_run() {
    Home::each(|home| async move {
        let annals = home.program().await.handle(Statements).engine_options(quick());
        let annals = annals.start().await.unwrap();
        let last = deposit(&annals, 1, 20).await;
        annals.wait_for(last, Duration::from_secs(20)).await.unwrap();
        HANDLED.store(false, Ordering::SeqCst);
        let plan = annals.rebuild_dry_run_named("statements").await.unwrap();
        assert!(!HANDLED.load(Ordering::SeqCst), "on {}", home.name());
        assert_eq!((plan.looked_at, plan.taken_in), (20, 20));
        assert_eq!((plan.rows, plan.expected(), plan.fits()), (None, None, true));
        annals.shutdown().await;
    })
    .await;
}

counter!(goes_on: "goes_on", "goes_on", version 1, n += 1);

/// What a rebuild that was cancelled has done already is not counted again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rebuild_that_was_cancelled_is_gone_on_with() {
    Home::each(|home| async move {
        let annals = home.program().await.project(goes_on::P).engine_options(quick());
        let annals = annals.start().await.unwrap();
        let last = deposit(&annals, 1, 3_000).await;
        annals.wait_for(last, Duration::from_secs(20)).await.unwrap();
        let mut rebuild = annals.rebuild::<goes_on::P>();
        rebuild.next_progress().await.unwrap();
        rebuild.cancel();
        let Err(RebuildError::Cancelled { events, .. }) = rebuild.await else {
            panic!("it was not cancelled on {}", home.name());
        };
        let plan = annals.rebuild_dry_run::<goes_on::P>().await.unwrap();
        assert_eq!(plan.goes_on_at.map(Position::get), Some(events), "{plan}");
        assert_eq!((plan.generation, plan.looked_at), (2, 3_000 - events));
        assert_eq!(plan.rows, Some(1));
        assert!(annals.rebuild::<goes_on::P>().await.unwrap().done);
        let plan = annals.rebuild_dry_run::<goes_on::P>().await.unwrap();
        assert_eq!((plan.generation, plan.goes_on_at, plan.looked_at), (3, None, 3_000));
        annals.shutdown().await;
    })
    .await;
}
