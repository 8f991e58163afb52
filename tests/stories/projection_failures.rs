//! A projection that cannot go on stands still, says why, writes nothing of the batch, and goes on
//! by itself when the cause is gone. Nothing is passed over.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use annals::prelude::*;
use annals::store::{Append, EventStore};
use annals::{
    EngineOptions, ExpectedVersion, MemoryStore, NewEvent, OnFailure, Payload, RunState, Status,
    StreamId,
};
use annals_tests::bank::{Account, AccountEvent, Balance, Balances};

static PANICS: AtomicBool = AtomicBool::new(false);

/// Panics while it is told to.
struct Nervous;

#[derive(ReadModel, Debug, Clone, PartialEq)]
#[read_model(table = "nervous")]
struct Count {
    #[key]
    account: u32,
    events: i64,
}

impl Projection for Nervous {
    type Event = AccountEvent;
    type Row = Count;
    const NAME: &str = "nervous";
    const VERSION: u32 = 1;
    const ON_FAILURE: OnFailure = OnFailure::Stop;

    fn keys(&self, event: &Recorded<AccountEvent>) -> Keys<u32> {
        event.aggregate_id().into()
    }

    fn fold(&self, account: &u32, row: &mut Option<Count>, _: &Recorded<AccountEvent>) {
        assert!(!PANICS.load(Ordering::Relaxed), "a fold lost its nerve");
        row.get_or_insert(Count { account: *account, events: 0 }).events += 1;
    }
}

fn quick_retries() -> EngineOptions {
    let millisecond = Duration::from_millis(1);
    EngineOptions {
        retry_after: millisecond,
        retry_at_most: 20 * millisecond,
        ..EngineOptions::default()
    }
}

async fn until(annals: &Annals, wanted: impl Fn(&Status) -> bool) -> Status {
    let search = async {
        loop {
            let status = annals.status().await.unwrap().remove(0);
            if wanted(&status) {
                return status;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), search).await.expect("the state is reached")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_panic_in_the_fold() {
    let annals = Annals::on(MemoryStore::default())
        .project(Nervous)
        .engine_options(quick_retries())
        .start()
        .await
        .unwrap();
    let deposit = |account: &Account| account.deposit(1);
    annals.execute(&1, deposit).then_read::<Count>(1).await.unwrap();

    PANICS.store(true, Ordering::Relaxed);
    let receipt = annals.execute(&1, deposit).await.unwrap();
    let failed = until(&annals, |status| status.state == RunState::Failed).await;
    assert!(failed.last_error.unwrap().contains("a fold lost its nerve"));
    assert_eq!(failed.position.get(), receipt.position.get() - 1, "nothing was passed over");

    PANICS.store(false, Ordering::Relaxed);
    let row = annals.read::<Count>().after(receipt.position).get(&1).await.unwrap().unwrap();
    assert_eq!(row.events, 3);
    let live = until(&annals, |status| status.state == RunState::Live).await;
    assert_eq!((live.last_error, live.lag_events), (None, 0));
}

/// Events that were written past the journal: what cannot be read parks its key, until a person acts.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_that_cannot_be_read() {
    for (stream, payload, word) in [
        ("account-1", r#"{"cents": "many"}"#, "account.deposited"),
        ("account-x", r#"{"cents": 1}"#, "account-x"),
    ] {
        let store = MemoryStore::default();
        let event = NewEvent::raw("account.deposited", 1, Payload::parse(payload).unwrap());
        let name = StreamId::parse(stream).unwrap();
        store.append(Append::to(name, ExpectedVersion::Any, vec![event])).await.unwrap();
        let annals = Annals::on(store.clone())
            .project(Balances)
            .engine_options(quick_retries())
            .start()
            .await
            .unwrap();
        let is_live = |status: &Status| status.state == RunState::Live;
        let status = until(&annals, |status| status.parked_keys == 1 && is_live(status)).await;
        assert_eq!(status.position.get(), 1);
        let parked = annals::ops::parked(&store, "balances").await.unwrap().remove(0);
        assert_eq!((parked.key.as_str(), parked.events, parked.next_attempt), (stream, 1, None));
        assert!(parked.reason.contains("position 1") && parked.reason.contains(word), "{parked:?}");
        assert_eq!(annals.read::<Balance>().count().await.unwrap(), 0);
        // All others go on.
        let deposit = |account: &Account| account.deposit(1);
        annals.execute(&7, deposit).then_read::<Balance>(7).await.unwrap().1.unwrap();
    }
}

/// Two programs on one store keep the same projection: each event counts once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_runners_of_one_projection() {
    let store = MemoryStore::default();
    let mut programs = Vec::new();
    for _ in 0..2 {
        programs.push(Annals::on(store.clone()).project(Balances).start().await.unwrap());
    }
    for n in 0..200_u64 {
        let program = &programs[(n % 2) as usize];
        program.execute(&(n % 5), |account: &Account| account.deposit(1)).await.unwrap();
    }
    let head = store.head().await.unwrap();
    for program in &programs {
        program.wait_for(head, Duration::from_secs(20)).await.unwrap();
        for row in program.read::<Balance>().list().await.unwrap() {
            assert_eq!((row.cents, row.events), (40, 41), "{row:?}");
        }
    }
}

/// Inline, the append fails with the fold, nothing of either stays, and others go on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_panic_in_an_inline_fold() {
    struct Inline;
    #[derive(ReadModel, Debug, Clone)]
    #[read_model(table = "inline_counts")]
    struct InlineCount {
        #[key]
        account: u32,
        events: i64,
    }
    impl Projection for Inline {
        type Event = AccountEvent;
        type Row = InlineCount;
        fn fold(
            &self,
            account: &u32,
            row: &mut Option<InlineCount>,
            event: &Recorded<AccountEvent>,
        ) {
            let thirteen = AccountEvent::Deposited { cents: 13 };
            assert!(event.data != thirteen, "thirteen is refused");
            row.get_or_insert(InlineCount { account: *account, events: 0 }).events += 1;
        }
    }

    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("inline.db");
    let store = annals::SqliteStore::open(file).await.unwrap();
    let annals = Annals::on(store).project_inline(Inline).start().await.unwrap();
    let mut tasks = Vec::new();
    for n in 0..40_u64 {
        let annals = annals.clone();
        tasks.push(tokio::spawn(async move {
            let cents = if n % 10 == 3 { 13 } else { 1 };
            annals.execute(&n, |account: &Account| account.deposit(cents)).await
        }));
    }
    for (task, n) in tasks.into_iter().zip(0..) {
        match task.await.unwrap() {
            Ok(_) => assert_ne!(n % 10, 3),
            Err(error) => {
                assert_eq!(n % 10, 3, "a neighbour was hurt: {error}");
                assert!(error.to_string().contains("thirteen is refused"), "{error}");
            }
        }
    }
    assert_eq!(annals.log().head().await.unwrap().get(), 2 * 36, "nothing of them stays");
    let rows = annals.read::<InlineCount>().list().await.unwrap();
    assert_eq!(rows.len(), 36);
    assert!(rows.iter().all(|row| row.events == 2), "{rows:?}");
}
