//! One event that cannot be taken in: what stands before it is written, what stands behind it waits,
//! and the error says which event it is, and nothing of what is in it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use annals::prelude::*;
use annals::store::BoxError;
use annals::table::TableSpec;
use annals::{EventHandler, HandlerTables, OnFailure, RunState, async_trait};
use annals_tests::bank::AccountEvent;

use crate::homes::{Home, append, deposit, quick, until};

/// Whether thirteen is taken in after all.
static BRAVE: AtomicBool = AtomicBool::new(false);

fn is_bad(event: &Recorded<AccountEvent>) -> bool {
    event.data == AccountEvent::Deposited { cents: 13 } && !BRAVE.load(Ordering::SeqCst)
}

#[derive(ReadModel, Debug, Clone, PartialEq)]
#[read_model(table = "wary")]
struct Wary {
    #[key]
    account: u32,
    n: i64,
}

struct Folded;

impl Projection for Folded {
    type Event = AccountEvent;
    type Row = Wary;
    const ON_FAILURE: OnFailure = OnFailure::Stop;

    fn fold(&self, account: &u32, row: &mut Option<Wary>, event: &Recorded<AccountEvent>) {
        assert!(!is_bad(event), "thirteen is refused");
        row.get_or_insert(Wary { account: *account, n: 0 }).n += 1;
    }
}

struct Handled;

#[async_trait]
impl EventHandler for Handled {
    type Event = AccountEvent;
    const NAME: &'static str = "wary";
    const VERSION: u32 = 1;
    const ON_FAILURE: OnFailure = OnFailure::Stop;

    fn tables() -> Vec<TableSpec> {
        vec![Wary::table().clone()]
    }

    async fn handle(
        &self,
        event: &Recorded<AccountEvent>,
        tables: &mut HandlerTables<'_>,
    ) -> Result<(), BoxError> {
        if is_bad(event) {
            return Err("thirteen is refused".into());
        }
        let account = event.aggregate_id()?;
        let n = tables.get::<Wary>(&account).await?.map_or(0, |row| row.n) + 1;
        tables.put(&Wary { account, n }).await
    }
}

/// In one page, so that nothing but the mend keeps the good ones apart from the bad one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_events_before_it_are_written() {
    for handled in [false, true] {
        Home::each(|home| async move {
            BRAVE.store(false, Ordering::SeqCst);
            let writer = home.program().await.start().await.unwrap();
            let good = deposit(&writer, 1, 10).await;
            let bad = append(&writer, 2, vec![AccountEvent::Deposited { cents: 13 }]).await;
            let last = deposit(&writer, 1, 5).await;
            let options = annals::EngineOptions { page_events: 5_000, ..quick() };
            let builder = home.program().await.engine_options(options);
            let builder = if handled { builder.handle(Handled) } else { builder.project(Folded) };
            let annals = builder.start().await.unwrap();

            let failed = until(&annals, |status| status.state == RunState::Failed).await;
            assert_eq!(failed.position, good, "on {}", home.name());
            let why = failed.last_error.unwrap();
            let place =
                format!("`account.deposited` at position {bad} of the log, stream `account-2`");
            assert!(why.contains(&place) && why.contains("thirteen is refused"), "{why}");
            assert_eq!(annals.read::<Wary>().get(&1).await.unwrap().unwrap().n, 10);

            BRAVE.store(true, Ordering::SeqCst);
            annals.wait_for(last, Duration::from_secs(20)).await.unwrap();
            assert_eq!(annals.read::<Wary>().get(&1).await.unwrap().unwrap().n, 15);
            let live = until(&annals, |status| status.state == RunState::Live).await;
            assert_eq!(live.last_error, None);
            annals.shutdown().await;
        })
        .await;
    }
}

#[derive(ReadModel, Debug, Clone, PartialEq)]
#[read_model(table = "wary_inline")]
struct WaryInline {
    #[key]
    account: u32,
    n: i64,
}

struct Inline;

impl Projection for Inline {
    type Event = AccountEvent;
    type Row = WaryInline;

    fn fold(&self, account: &u32, row: &mut Option<WaryInline>, event: &Recorded<AccountEvent>) {
        assert!(event.data != AccountEvent::Deposited { cents: 17 }, "seventeen is refused");
        row.get_or_insert(WaryInline { account: *account, n: 0 }).n += 1;
    }
}

/// Inline, a panic is an error of the append, on every store, and the status says so.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_panic_in_an_inline_fold_is_an_error() {
    use annals_tests::bank::Account;
    Home::each(|home| async move {
        let annals = home.program().await.project_inline(Inline).start().await.unwrap();
        let deposit = |cents| move |account: &Account| account.deposit(cents);
        annals.execute(&1, deposit(1)).await.unwrap();
        let error = annals.execute(&1, deposit(17)).await.unwrap_err();
        assert!(error.to_string().contains("seventeen is refused"), "{}: {error}", home.name());
        let status = annals.status().await.unwrap().remove(0);
        assert_eq!(status.state, RunState::Failed);
        assert!(status.last_error.unwrap().contains("seventeen is refused"));
        annals.execute(&1, deposit(1)).await.unwrap();
        let status = annals.status().await.unwrap().remove(0);
        assert_eq!((status.state, status.last_error), (RunState::Live, None));
        assert_eq!(annals.read::<WaryInline>().get(&1).await.unwrap().unwrap().n, 3);
    })
    .await;
}
