//! The row of one id is made anew from its history, while everything else goes on.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use annals::ops::{self, Ask};
use annals::prelude::*;
use annals::store::{Store, TransactExt};
use annals::table::Value;
use annals::{Annals, EngineOptions, Partitions, Position, RebuildError};
use annals_tests::bank::AccountEvent;
use annals_tests::members::{Total, Totals};

use crate::engine::{Member, Site};
use crate::homes::{Home, append, counter, deposit, quick, until};
use crate::postgres::place::Place;

/// How many accounts there are that writers leave alone.
const QUIET: u32 = 4;

async fn change_by_hand(store: &dyn Store, account: u32) {
    let row = Total { account, cents: -1, events: 1_000_000 };
    let table = Total::table().named("totals__1");
    let changed = store.transact_with(move |transaction| {
        let (table, row) = (table.clone(), row.to_row());
        Box::pin(async move { transaction.upsert_rows(&table, &[row]).await })
    });
    changed.await.expect("the table is there");
}

async fn remove_by_hand(store: &dyn Store, account: u32) {
    let table = Total::table().named("totals__1");
    let removed = store.transact_with(move |transaction| {
        let (table, key) = (table.clone(), vec![Value::Integer(account.into())]);
        Box::pin(async move { transaction.delete_rows(&table, &[key]).await })
    });
    removed.await.expect("the table is there");
}

async fn events(annals: &Annals, account: u32) -> Option<i64> {
    let row = annals.read::<Total>().get(&account).await.expect("it can be read");
    row.map(|row| row.events)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_is_healed_while_writers_go_on() {
    Home::each(|home| async move {
        let mut programs = Vec::new();
        for _ in 0..2 {
            let program = home.program().await.project(Totals::<1>).engine_options(quick());
            programs.push(program.start().await.unwrap());
        }
        let mut last = Position::START;
        for account in 0..QUIET {
            last = deposit(&programs[0], account, 7).await;
        }
        for program in &programs {
            program.wait_for(last, Duration::from_secs(30)).await.unwrap();
        }
        let stop = Arc::new(AtomicBool::new(false));
        let writer = {
            let (annals, stop) = (programs[0].clone(), stop.clone());
            tokio::spawn(async move {
                let mut last = Position::START;
                while !stop.load(Ordering::Relaxed) {
                    for account in [QUIET, QUIET + 1] {
                        last = deposit(&annals, account, 3).await;
                    }
                }
                last
            })
        };
        let store = home.store().await;
        // What nobody writes to stays wrong until it is made anew: changed, gone, and invented.
        change_by_hand(&*store, 0).await;
        remove_by_hand(&*store, 1).await;
        change_by_hand(&*store, 99).await;
        for account in [0, 1, 99] {
            programs[1].rebuild_key::<Totals<1>>(account).await.unwrap();
        }
        let found = [events(&programs[0], 0).await, events(&programs[0], 1).await];
        assert_eq!(found, [Some(7), Some(7)], "on {}", home.name());
        assert_eq!(events(&programs[0], 99).await, None, "nothing has happened to it");
        // What is written to all the while counts each event once.
        for n in 0..6 {
            change_by_hand(&*store, QUIET).await;
            programs[n % 2].rebuild_key::<Totals<1>>(QUIET).await.unwrap();
        }
        stop.store(true, Ordering::Relaxed);
        let last = writer.await.unwrap();
        for program in &programs {
            program.wait_for(last, Duration::from_secs(30)).await.unwrap();
        }
        programs[0].rebuild_key::<Totals<1>>(QUIET).await.unwrap();
        let rows = programs[0].read::<Total>().list().await.unwrap();
        let live = programs[0].live(Totals::<1>).all().await.unwrap();
        let mut live: Vec<_> = live.into_values().collect();
        live.sort_by_key(|row| row.account);
        assert_eq!(rows, live, "on {}", home.name());
        for program in programs {
            assert!(program.shutdown().await.is_empty());
        }
    })
    .await;
}

counter!(any: "any_row", "any_row", version 1, n += 1);

/// Events of other streams may touch the same row: what is said leads on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_is_refused_where_rows_belong_to_several_ids() {
    Home::each(|home| async move {
        let annals = home.program().await.project(any::P).engine_options(quick());
        let annals = annals.start().await.unwrap();
        let last = deposit(&annals, 1, 3).await;
        annals.wait_for(last, Duration::from_secs(20)).await.unwrap();
        let error = annals.rebuild_key::<any::P>(1).await.unwrap_err();
        let RebuildError::Refused { why, .. } = &error else { panic!("{error}") };
        assert!(why.contains("annals consumers rebuild any_row"), "{why}");
        assert!(why.contains("Partitions::ById"), "{why}");
        // The same for whoever asks past the program.
        let store = home.store().await;
        let ask = Ask::RebuildKey("1".to_owned());
        let id = ops::ask(&*store, "any_row", &ask, ("ada", "")).await.unwrap();
        let request = loop {
            let request = ops::request(&*store, id).await.unwrap().unwrap();
            if request.is_over() {
                break request;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        };
        assert!(request.is_refused());
        assert_eq!(request.answer.as_deref(), Some(why.as_str()));
        annals.shutdown().await;
    })
    .await;
}

static MENDED: AtomicBool = AtomicBool::new(true);

/// Counts, and refuses 13 cents until it is mended.
struct Fussy;

#[derive(ReadModel, Debug, Clone, PartialEq)]
#[read_model(table = "fussy")]
struct Count {
    #[key]
    account: u32,
    events: i64,
}

impl Projection for Fussy {
    type Event = AccountEvent;
    type Row = Count;
    const PARTITIONS: Partitions = Partitions::ById;

    fn fold(&self, account: &u32, row: &mut Option<Count>, event: &Recorded<AccountEvent>) {
        let bad = event.data == AccountEvent::Deposited { cents: 13 };
        assert!(!bad || MENDED.load(Ordering::SeqCst), "nobody pays 13");
        row.get_or_insert(Count { account: *account, events: 0 }).events += 1;
    }
}

/// What waits behind a parked key is in no row: neither before nor after, and it heals as ever. An event
/// that cannot be taken in any more leaves the row as it is.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parked_events_go_on_waiting() {
    Home::each(|home| async move {
        MENDED.store(false, Ordering::SeqCst);
        let hour = Duration::from_secs(3_600);
        let options = EngineOptions {
            retry_in_place: Duration::from_millis(5),
            parked_after: hour,
            ..quick()
        };
        let annals = home.program().await.project(Fussy).engine_options(options);
        let annals = annals.start().await.unwrap();
        let cents = [1, 2, 13, 4].map(|cents| AccountEvent::Deposited { cents });
        let last = append(&annals, 7, cents.into()).await;
        annals.wait_for(last, Duration::from_secs(20)).await.unwrap();
        until(&annals, |status| status.parked_keys == 1).await;
        annals.rebuild_key::<Fussy>(7).await.unwrap();
        let events = async || annals.read::<Count>().get(&7).await.unwrap().unwrap().events;
        assert_eq!(events().await, 2, "on {}", home.name());

        MENDED.store(true, Ordering::SeqCst);
        let retry = Ask::Retry(vec!["7".to_owned()]);
        let store = home.store().await;
        ops::ask(&*store, "fussy", &retry, ("ada", "it is mended")).await.unwrap();
        until(&annals, |status| status.parked_keys == 0).await;
        assert_eq!(events().await, 4);

        MENDED.store(false, Ordering::SeqCst);
        let error = annals.rebuild_key::<Fussy>(7).await.unwrap_err().to_string();
        assert!(error.contains("position 3 ") && error.contains("nobody pays 13"), "{error}");
        assert_eq!(events().await, 4);
        let error = annals.rebuild_key::<Fussy>("seven").await.unwrap_err().to_string();
        assert!(error.contains("no row has the key `seven`"), "{error}");
        annals.shutdown().await;
    })
    .await;
}

/// Whoever has it in hand is killed: the next one carries it out.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_in_the_middle_leaves_it_to_the_next() {
    let place = Place::shared().await;
    let site = Site::postgres(&place).await;
    let mut members =
        [Member::start(&site, "first", &[]).await, Member::start(&site, "second", &[]).await];
    // Which makes the events known.
    site.deposit(5, 1).await;
    // So many that reading them takes a while.
    for _ in 0..20 {
        let cents = (0..1_000).map(|_| AccountEvent::Deposited { cents: 1 }).collect();
        append(&site.annals, 5, cents).await;
    }
    site.done("totals", Duration::from_secs(60)).await;
    change_by_hand(&*site.store, 5).await;
    let id = site.ask("totals", &Ask::RebuildKey("5".to_owned())).await;
    let taker = loop {
        let request = ops::request(&*site.store, id).await.unwrap().unwrap();
        match request.taken_by {
            Some(taker) => break taker,
            None => tokio::task::yield_now().await,
        }
    };
    let known = ops::members(&*site.store).await.unwrap();
    let label = known.into_iter().find(|member| member.id == taker).unwrap().label;
    members[usize::from(label == "second")].kill().await;
    let left = ops::request(&*site.store, id).await.unwrap().unwrap().state;
    let (done, answer) = site.answer(id, Duration::from_secs(30)).await;
    println!("`{label}` had it and was killed, and left it {left}; in the end: {answer}");
    assert!(done, "{answer}");
    site.done("totals", Duration::from_secs(30)).await;
    let row = site.annals.read::<Total>().get(&5).await.unwrap();
    assert_eq!(row, site.annals.live(Totals::<1>).get(&5).await.unwrap());
}
