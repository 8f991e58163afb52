//! A rebuild that panics, is cancelled or is stopped: the projection goes on, says why, and can be
//! rebuilt and shut down.

use std::sync::Arc;
use std::time::Duration;

use annals::store::BoxError;
use annals::table::TableSpec;
use annals::{
    Annals, EngineOptions, EventHandler, HandlerTables, Progress, ProjectionError, RebuildError,
    Recorded, RunState, async_trait,
};
use annals_tests::bank::AccountEvent;
use tokio::sync::Notify;

use crate::homes::{Home, counter, deposit, quick, until};

counter!(first: "nervous", "nervous", version 1, n += 1);
counter!(second: "nervous", "nervous", version 2, n += 10);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_panic_while_a_new_version_is_built() {
    Home::each(|home| async move {
        let old = home.program().await.project(first::P).start().await.unwrap();
        let position = deposit(&old, 1, 40).await;
        old.wait_for(position, Duration::from_secs(20)).await.unwrap();
        old.shutdown().await;

        second::arm(true);
        let new = home.program().await.project(second::P).engine_options(quick());
        let new = new.start().await.unwrap();
        let failed = until(&new, |status| status.state == RunState::Failed).await;
        let why = failed.last_error.unwrap();
        assert!(why.contains("a fold lost its nerve"), "{why}");
        // Which event it was, and which table.
        assert!(why.contains("position 1 ") && why.contains("`nervous`"), "{why}");
        // The old rows serve: they have the same columns.
        assert_eq!(new.read::<second::Row>().get(&1).await.unwrap().unwrap().n, 40);

        second::arm(false);
        let live = until(&new, |status| status.state == RunState::Live).await;
        assert_eq!(live.last_error, None);
        let row = new.read::<second::Row>().after(position).get(&1).await.unwrap().unwrap();
        assert_eq!(row.n, 400, "{}", home.name());
        assert_eq!(new.rebuild::<second::P>().await.unwrap().percent(), 100);
        assert!(new.shutdown().await.is_empty());
    })
    .await;
}

counter!(by_hand: "by_hand", "by_hand", version 1, n += 1);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_panic_in_a_rebuild_by_hand() {
    Home::each(|home| async move {
        let annals = home.program().await.project(by_hand::P).engine_options(quick());
        let annals = annals.start().await.unwrap();
        let position = deposit(&annals, 1, 40).await;
        annals.wait_for(position, Duration::from_secs(20)).await.unwrap();

        by_hand::arm(true);
        for _ in 0..2 {
            let error = annals.rebuild::<by_hand::P>().await.unwrap_err();
            assert!(error.to_string().contains("a fold lost its nerve"), "{error}");
        }
        let status = until(&annals, |status| status.state == RunState::Live).await;
        assert_eq!(status.rebuild, None);
        by_hand::arm(false);
        assert!(annals.rebuild::<by_hand::P>().await.unwrap().done);
        let row = annals.read::<by_hand::Row>().after(position).get(&1).await.unwrap().unwrap();
        assert_eq!(row.n, 40);
        assert!(annals.shutdown().await.is_empty());
    })
    .await;
}

counter!(before: "hasty", "hasty", version 1, n += 1);
counter!(after: "hasty", "hasty", version 2, n += 2);

/// Asked for by hand before the runner has begun its own, and taken back at once: the runner does not
/// wait for what nobody does any more.
#[tokio::test]
async fn cancelled_right_after_the_start() {
    Home::each(|home| async move {
        let old = home.program().await.project(before::P).start().await.unwrap();
        let position = deposit(&old, 1, 40).await;
        old.wait_for(position, Duration::from_secs(20)).await.unwrap();
        old.shutdown().await;
        let new = home.program().await.project(after::P).engine_options(quick());
        let new = new.start().await.unwrap();
        let handle = new.rebuild::<after::P>();
        handle.cancel();
        let ended = handle.await;
        assert!(
            matches!(
                ended,
                Err(RebuildError::Cancelled { .. } | RebuildError::AlreadyRunning { .. })
            ),
            "{ended:?}"
        );
        until(&new, |status| status.state == RunState::Live).await;
        assert_eq!(new.read::<after::Row>().get(&1).await.unwrap().unwrap().n, 80);
        assert!(new.shutdown().await.is_empty());
    })
    .await;
}

/// Counts events, slowly.
struct Slow;

#[derive(annals::ReadModel, Debug, Clone, PartialEq)]
#[read_model(table = "slow")]
struct Count {
    #[key]
    account: u32,
    n: i64,
}

impl annals::Projection for Slow {
    type Event = AccountEvent;
    type Row = Count;

    fn fold(&self, account: &u32, row: &mut Option<Count>, _: &Recorded<AccountEvent>) {
        std::thread::sleep(Duration::from_millis(20));
        row.get_or_insert(Count { account: *account, n: 0 }).n += 1;
    }
}

/// 300 events take 6 s; what is stopped does not take them all.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn shutting_down_and_dropping_stop_it() {
    Home::each(|home| async move {
        let writer = home.program().await.start().await.unwrap();
        deposit(&writer, 1, 300).await;
        for dropped in [false, true] {
            let annals = home.program().await.project(Slow).engine_options(quick());
            let annals = annals.start().await.unwrap();
            let mut handle = annals.rebuild::<Slow>();
            handle.next_progress().await.unwrap();
            if dropped {
                drop(annals);
            } else {
                assert!(annals.shutdown().await.is_empty());
            }
            let ended = handle.await;
            let Err(RebuildError::Cancelled { events, .. }) = ended else { panic!("{ended:?}") };
            assert!(events < 300, "{events} on {}", home.name());
        }
    })
    .await;
}

/// Never comes back from its first event.
struct Stuck;

static BEGUN: Notify = Notify::const_new();

#[async_trait]
impl EventHandler for Stuck {
    type Event = AccountEvent;
    const NAME: &'static str = "stuck";
    const VERSION: u32 = 1;

    fn tables() -> Vec<TableSpec> {
        Vec::new()
    }

    async fn handle(
        &self,
        _: &Recorded<AccountEvent>,
        _: &mut HandlerTables<'_>,
    ) -> Result<(), BoxError> {
        BEGUN.notify_one();
        std::future::pending().await
    }
}

/// Not on SQLite, whose one writer it would take with it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_has_a_limit_and_says_what_did_not_stop() {
    Home::each(|home: Arc<Home>| async move {
        if home.name() == "sqlite" {
            return;
        }
        let limit = EngineOptions { stop_within: Duration::from_millis(200), ..quick() };
        let annals =
            home.program().await.handle(Stuck).engine_options(limit).start().await.unwrap();
        deposit_elsewhere(&home).await;
        BEGUN.notified().await;
        assert_eq!(annals.shutdown().await, [std::sync::Arc::<str>::from("stuck")], "{}", home.name());
        let status = annals.status().await.unwrap().remove(0);
        assert_eq!(status.state, RunState::Stopped);
        assert!(status.last_error.unwrap().contains("did not stop"));
        deposit_elsewhere(&home).await;
    })
    .await;
}

async fn deposit_elsewhere(home: &Home) {
    let writer: Annals = home.program().await.start().await.unwrap();
    deposit(&writer, 1, 1).await;
}

/// A rebuild has read nothing before it has read something.
#[test]
fn nothing_read_is_not_everything_done() {
    assert_eq!(Progress::default().percent(), 0);
    assert_eq!(Progress { done: true, ..Progress::default() }.percent(), 100);
}

counter!(unmarked: "unmarked", "unmarked", version 1, n += 1);

/// Retried without end it would be four thousand transactions a second.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_checkpoint_that_is_gone_is_said_and_repaired() {
    use annals::store::TransactExt;
    Home::each(|home| async move {
        let annals = home.program().await.project(unmarked::P).engine_options(quick());
        let annals = annals.start().await.unwrap();
        let position = deposit(&annals, 1, 40).await;
        annals.wait_for(position, Duration::from_secs(20)).await.unwrap();
        let store = home.store().await;
        store
            .transact_with(|transaction| {
                Box::pin(async { transaction.remove_checkpoint("consumer/unmarked/1/1/0").await })
            })
            .await
            .unwrap();
        deposit(&annals, 1, 1).await;
        let failed = until(&annals, |status| status.state == RunState::Failed).await;
        let why = failed.last_error.unwrap();
        assert!(why.contains("consumer/unmarked/1/1/0") && why.contains("rebuild it"), "{why}");
        let rebuilt = annals.rebuild::<unmarked::P>().await;
        assert!(!matches!(rebuilt, Err(RebuildError::Projection(ProjectionError::Moved { .. }))));
        until(&annals, |status| status.state == RunState::Live).await;
        assert_eq!(annals.read::<unmarked::Row>().get(&1).await.unwrap().unwrap().n, 41);
        assert!(annals.shutdown().await.is_empty());
    })
    .await;
}
