//! What projections have from the engine: rows named by a query, partitions, versions that are taken
//! back, rows that are compared with history, effects outside.

use std::sync::Mutex;
use std::time::Duration;

use annals::ops::{self, Ask};
use annals::prelude::*;
use annals::store::Workspace;
use annals::table::Value;
use annals::{ConsumeError, OnFailure, Partitions, RunState, StreamId, Subscriber, async_trait};
use annals_tests::bank::{AccountEvent, Balance, Balances};

use crate::homes::{Home, append, counter, deposit, quick, until};

/// Asks for something, and waits for the answer.
async fn ask(work: &dyn Workspace, consumer: &str, wanted: Ask) -> Result<String, String> {
    let id = ops::ask(work, consumer, &wanted, ("ann", "a story")).await.expect("it is known");
    let answered = async {
        loop {
            let request =
                ops::request(work, id).await.expect("it can be read").expect("it is there");
            if request.is_over() {
                let refused = request.is_refused();
                let answer = request.answer.unwrap_or_default();
                return if refused { Err(answer) } else { Ok(answer) };
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(40), answered).await.expect("it is answered")
}

/// One row an account, with the name of its owner. Whoever closes an account takes the owner's name from
/// all of theirs.
#[derive(ReadModel, Debug, Clone, PartialEq)]
#[read_model(table = "named", index(owner))]
struct Named {
    #[key]
    account: u32,
    owner: String,
    closed: i64,
}

struct Names;

impl Projection for Names {
    type Event = AccountEvent;
    type Row = Named;

    fn keys(&self, event: &Recorded<AccountEvent>) -> Keys<u32> {
        match &event.data {
            // The amount says of whom.
            AccountEvent::Withdrawn { cents } => {
                Keys::matching([Named::OWNER.equals(format!("owner {cents}"))])
            }
            _ => event.aggregate_id().into(),
        }
    }

    fn fold(&self, account: &u32, row: &mut Option<Named>, event: &Recorded<AccountEvent>) {
        match &event.data {
            AccountEvent::Opened { owner } => {
                *row = Some(Named { account: *account, owner: owner.clone(), closed: 0 });
            }
            AccountEvent::Withdrawn { .. } => {
                row.iter_mut().for_each(|row| row.closed += 1);
            }
            _ => {}
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_are_named_by_a_query() {
    Home::each(|home| async move {
        let annals = home.program().await.project(Names).engine_options(quick());
        let annals = annals.start().await.unwrap();
        for account in 0..30 {
            let owner = format!("owner {}", account % 3);
            append(&annals, account, vec![AccountEvent::Opened { owner }]).await;
            // Those that are there already, stored or not, and none that comes later.
            let cents = 1;
            append(&annals, 99, vec![AccountEvent::Withdrawn { cents }]).await;
        }
        let last = append(&annals, 0, vec![AccountEvent::Opened { owner: "new".into() }]).await;
        let rows = annals.read::<Named>().after(last).list().await.unwrap();
        for row in rows {
            let expected = if row.account % 3 == 1 { 30 - i64::from(row.account) } else { 0 };
            assert_eq!(row.closed, expected, "{row:?} on {}", home.name());
        }
        let work = annals.stores().work().clone();
        let said = ask(&*work, "named", Ask::Other("verify".into(), "{}".into())).await;
        assert_eq!(said.unwrap(), "30 rows follow from history");
        annals.shutdown().await;
    })
    .await;
}

/// The balances, cut by account.
struct Cut;

impl Projection for Cut {
    type Event = AccountEvent;
    type Row = Balance;
    const NAME: &'static str = "cut";
    const PARTITIONS: Partitions = Partitions::ById;

    fn fold(&self, account: &u32, row: &mut Option<Balance>, event: &Recorded<AccountEvent>) {
        Balances.fold(account, row, event);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn programs_share_a_partitioned_projection() {
    Home::each(|home| async move {
        let mut programs = Vec::new();
        for _ in 0..2 {
            let program = home.program().await.project(Cut).engine_options(quick());
            programs.push(program.start().await.unwrap());
        }
        let mut last = annals::Position::START;
        for n in 0..60 {
            last = deposit(&programs[n % 2], n as u32 % 20, 1).await;
        }
        for program in &programs {
            let rows = program.read::<Balance>().after(last).list().await.unwrap();
            assert_eq!(rows.len(), 20, "on {}", home.name());
            assert!(rows.iter().all(|row| row.events == 3), "{rows:?} on {}", home.name());
        }
        let work = programs[0].stores().work().clone();
        assert_eq!(ask(&*work, "cut", Ask::Repartition(2)).await.unwrap(), "2 partitions");
        let last = deposit(&programs[0], 3, 1).await;
        let row = programs[1].read::<Balance>().after(last).get(&3).await.unwrap().unwrap();
        assert_eq!(row.events, 4, "on {}", home.name());
        programs[0].rebuild_named("cut").await.unwrap();
        let rows = programs[1].read::<Balance>().list().await.unwrap();
        assert_eq!(rows.iter().map(|row| row.events).sum::<i64>(), 61, "on {}", home.name());
        for program in programs {
            program.shutdown().await;
        }
    })
    .await;
}

/// Says that its rows go by the account, and writes another.
struct Stray;

impl Projection for Stray {
    type Event = AccountEvent;
    type Row = Balance;
    const NAME: &'static str = "stray";
    const PARTITIONS: Partitions = Partitions::ById;

    fn keys(&self, _: &Recorded<AccountEvent>) -> Keys<u32> {
        7.into()
    }

    fn fold(&self, _: &u32, _: &mut Option<Balance>, _: &Recorded<AccountEvent>) {}
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_of_another_partition_is_an_error() {
    Home::each(|home| async move {
        let annals = home.program().await.project(Stray).engine_options(quick());
        let annals = annals.start().await.unwrap();
        deposit(&annals, 1, 1).await;
        let failed = until(&annals, |status| status.state == RunState::Failed).await;
        let why = failed.last_error.unwrap();
        assert!(why.contains("another partition") && why.contains("stream `account-1`"), "{why}");
        annals.shutdown().await;
    })
    .await;
}

counter!(older: "steps", "steps", version 1, n += 1);
counter!(newer: "steps", "steps", version 2, n += 10);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_version_is_taken_back() {
    Home::each(|home| async move {
        let old = home.program().await.project(older::P).engine_options(quick());
        let old = old.start().await.unwrap();
        deposit(&old, 1, 5).await;
        let new = home.program().await.project(newer::P).engine_options(quick());
        let new = new.start().await.unwrap();
        until(&new, |status| status.state == RunState::Live).await;
        let last = deposit(&new, 1, 1).await;
        let read = new.read::<newer::Row>().after(last).get(&1).await.unwrap().unwrap();
        assert_eq!(read.n, 60, "on {}", home.name());

        let work = new.stores().work().clone();
        let back = ask(&*work, "steps", Ask::Other("rollback".into(), "{}".into())).await;
        assert!(back.unwrap().starts_with("version 1 serves again"));
        let last = deposit(&old, 1, 1).await;
        let read = old.read::<older::Row>().after(last).get(&1).await.unwrap().unwrap();
        assert_eq!(read.n, 7, "it has caught up on {}", home.name());
        // A program of the version that was taken back leaves it so.
        new.shutdown().await;
        let new = home.program().await.project(newer::P).engine_options(quick());
        let new = new.start().await.unwrap();
        until(&new, |status| {
            status.last_error.as_ref().is_some_and(|error| error.contains("rolled back"))
        })
        .await;
        let read = old.read::<older::Row>().get(&1).await.unwrap().unwrap();
        assert_eq!(read.n, 7, "on {}", home.name());
        new.shutdown().await;
        old.shutdown().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_that_was_changed_by_hand_is_named() {
    Home::each(|home| async move {
        let annals = home.program().await.project(Balances).engine_options(quick());
        let annals = annals.start().await.unwrap();
        for account in 0..5 {
            deposit(&annals, account, 2).await;
        }
        let last = deposit(&annals, 0, 1).await;
        annals.wait_for(last, Duration::from_secs(20)).await.unwrap();
        let work = annals.stores().work().clone();
        let verify = || ask(&*work, "balances", Ask::Other("verify".into(), "{}".into()));
        assert_eq!(verify().await.unwrap(), "5 rows follow from history", "on {}", home.name());
        use annals::store::TransactExt;
        work.transact_with(|transaction| {
            Box::pin(async move {
                let table = Balance::table().named("balances__1");
                let mut rows = transaction.load_rows(&table, &[vec![Value::Integer(3)]]).await?;
                let place = table.column("cents").expect("it has one");
                rows[0][place] = Value::Integer(-1);
                transaction.upsert_rows(&table, &rows).await
            })
        })
        .await
        .unwrap();
        let said = verify().await.unwrap();
        assert!(said.contains("account = 3") && said.contains("differs in cents"), "{said}");
        annals.shutdown().await;
    })
    .await;
}

/// What was sent, by whom it was.
static SENT: Mutex<Vec<(StreamId, u64)>> = Mutex::new(Vec::new());

struct Letters;

#[async_trait]
impl Subscriber for Letters {
    type Event = AccountEvent;
    const NAME: &'static str = "letters";
    const ON_FAILURE: OnFailure = OnFailure::Park;

    async fn handle(&self, event: &Recorded<AccountEvent>) -> Result<(), ConsumeError> {
        if event.data == (AccountEvent::Deposited { cents: 13 }) {
            return Err(ConsumeError::poison("thirteen is refused"));
        }
        SENT.lock().unwrap().push((event.stream.clone(), event.position.get()));
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn effects_outside_are_not_repeated_by_a_rebuild() {
    Home::each(|home| async move {
        SENT.lock().unwrap().clear();
        let builder = home.program().await.project(Balances).subscriber(Letters);
        let annals = builder.engine_options(quick()).start().await.unwrap();
        for n in 0..30 {
            deposit(&annals, n % 5, 1).await;
        }
        append(&annals, 2, vec![AccountEvent::Deposited { cents: 13 }]).await;
        deposit(&annals, 2, 1).await;
        deposit(&annals, 3, 1).await;
        let all = async {
            while SENT.lock().unwrap().len() < 31 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), all).await.expect("all are sent");
        annals.rebuild::<Balances>().await.unwrap();
        let work = annals.stores().work().clone();
        let parked = ops::parked(&*work, "letters").await.unwrap().remove(0);
        assert_eq!((parked.key.as_str(), parked.next_attempt), ("account-2", None));
        let health = annals.health().await;
        assert!(health.trouble["letters"][0].contains("1 keys are parked"), "{health:?}");
        let (live, ready, degraded) = (health.live, health.ready, health.degraded);
        assert_eq!((live, ready, degraded), (true, true, true), "{health:?}");
        assert_eq!(SENT.lock().unwrap().len(), 31, "on {}", home.name());
        let keys = vec!["account-2".to_owned()];
        assert_eq!(ask(&*work, "letters", Ask::Discard(keys)).await.unwrap(), "discarded");
        assert!(ops::parked(&*work, "letters").await.unwrap().is_empty());
        annals.shutdown().await;
    })
    .await;
}
