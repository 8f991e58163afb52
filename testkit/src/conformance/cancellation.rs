//! I1, I4: a call may be dropped at each of its awaits. All of it is there or nothing, nobody waits
//! for what it left behind, and the next call works.

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use annals_core::store::{
    Append, CommandKey, LogQuery, Store, StoreError, StreamQuery, TransactExt,
};
use annals_core::table::{RowQuery, Value};
use annals_core::{EventId, ExpectedVersion, Position, RegisteredSchema, StreamVersion};

use super::Subject;
use super::samples::{append, assert_in_order, events, hook, ids, ids_of, log, put, read, stream};
use super::tables::samples::{accounts, create, row};
use crate::dropped::dropped_after;

/// How long ordinary work may take after a call was dropped.
const PATIENCE: Duration = Duration::from_secs(30);

/// How many awaits are tried one by one; beyond them, each further step is half as long again, so
/// that an import of thousands of awaits is dropped some dozens of times.
const ONE_BY_ONE: usize = 24;

/// Makes calls and drops each one await later than the one before, until one comes to its end.
/// After each of them `check` is told which it was, and ordinary work has to go on. They are counted
/// on from what the store has been through before, from 0 in a fresh one.
async fn at_each_await<T>(
    store: &dyn Store,
    mut call: impl AsyncFnMut(usize) -> T,
    mut check: impl AsyncFnMut(usize),
) -> T {
    let done = store.checkpoint("later").await.expect("checkpoints can be read");
    let done = done.unwrap_or_default().get() as usize;
    let mut waits = 0;
    for number in done.. {
        let ended = dropped_after(waits, call(number)).await;
        let going_on = async {
            work_goes_on(store, number).await;
            check(number).await;
        };
        if tokio::time::timeout(PATIENCE, going_on).await.is_err() {
            panic!("after call {number} was dropped at await {waits}, others stand still");
        }
        if let Some(value) = ended {
            return value;
        }
        waits += if waits < ONE_BY_ONE { 1 } else { waits / 2 };
    }
    unreachable!("a call has a finite number of awaits")
}

/// An append that stands alone, one of two streams, an import and a transaction.
async fn work_goes_on(store: &dyn Store, number: usize) {
    put(store, &format!("later-{number}"), 1).await;
    let two = append("later-a", 1).and(stream("later-b"), ExpectedVersion::Any, events(1));
    store.append(two).await.expect("an append of two streams goes on");
    let imported = store.append_bulk(vec![append("later-i", 1), append("later-i", 1)]).await;
    for result in imported {
        result.expect("an import goes on");
    }
    store
        .transact_with(|transaction| {
            Box::pin(async {
                let seen = transaction.checkpoint("later").await?.unwrap_or_default();
                transaction.set_checkpoint("later", Position::new(seen.get() + 1)).await
            })
        })
        .await
        .expect("a transaction goes on");
    let counted = store.checkpoint("later").await.expect("checkpoints can be read");
    assert_eq!(counted, Some(Position::new(number as u64 + 1)), "each transaction counted once");
}

/// All events of an append are there in their order, or none is. Returns which.
async fn is_whole(store: &dyn Store, wanted: &Append) -> bool {
    let mut there = Vec::new();
    for part in &wanted.streams {
        let found: Vec<EventId> = ids(&read(store, part.stream.as_str()).await);
        let wanted: Vec<EventId> = part.events.iter().map(|event| event.id).collect();
        let kept: Vec<EventId> = found.into_iter().filter(|id| wanted.contains(id)).collect();
        assert!(kept.is_empty() || kept == wanted, "{} of {} are there", kept.len(), wanted.len());
        there.push(!kept.is_empty());
    }
    assert!(there.windows(2).all(|pair| pair[0] == pair[1]), "one of several streams is there");
    there.first().copied().unwrap_or_default()
}

/// The same append, made again after it was dropped, is there once.
async fn again(store: &dyn Store, wanted: &Append) {
    store.append(wanted.clone()).await.expect("the same append is safe to repeat");
    assert!(is_whole(store, wanted).await, "what was acknowledged is there");
}

/// An append of one stream.
pub async fn an_append(subject: Subject) {
    appends(subject, |n| append(&format!("account-{n}"), 3)).await;
}

async fn appends(subject: Subject, wanted: impl FnMut(usize) -> Append) {
    let store = &*subject.store;
    let tried: Vec<Append> = (0..200).map(wanted).collect();
    let ended = at_each_await(
        store,
        async |n| store.append(tried[n].clone()).await,
        async |n| again(store, &tried[n]).await,
    );
    ended.await.expect("the append is good");
    assert_in_order(store).await;
}

/// An append that shares its stream, and so its commit, with the ones that others wait for.
pub async fn an_append_among_others(subject: Subject) {
    let store = &*subject.store;
    let tried: Vec<Append> = (0..200).map(|_| append("shared-1", 2)).collect();
    let others = |n: usize| {
        let store = subject.store.clone();
        tokio::spawn(async move {
            let mine = append("shared-1", 1);
            (store.append(mine.clone()).await, mine, n)
        })
    };
    let mut waiting = Vec::new();
    let ended = at_each_await(
        store,
        async |n| {
            waiting.extend((0..4).map(|_| others(n)));
            store.append(tried[n].clone()).await
        },
        async |n| again(store, &tried[n]).await,
    );
    ended.await.expect("the append is good");
    for other in waiting {
        let (result, mine, n) = other.await.expect("no panic");
        result.unwrap_or_else(|error| panic!("beside call {n}: {error}"));
        assert!(is_whole(store, &mine).await, "what was acknowledged is there");
    }
    assert_in_order(store).await;
}

/// A command over its stream, with a hook that writes rows.
pub async fn an_append_with_a_key_and_a_hook(subject: Subject) {
    let store = &*subject.store;
    create(store, &accounts()).await;
    let key = |n: usize| CommandKey::new(format!("key-{n}")).expect("a short key");
    let wanted = |n: usize| {
        let mut append = append(&format!("account-{n}"), 2).with_command(key(n));
        append.hooks = vec![hook(move |_, transaction| {
            Box::pin(async move {
                transaction.upsert_rows(&accounts(), &[row(n as i64, "ann")]).await?;
                tokio::task::yield_now().await;
                transaction.upsert_rows(&accounts(), &[row(n as i64, "bob")]).await
            })
        })];
        append
    };
    let tried: Vec<Append> = (0..200).map(wanted).collect();
    let ended = at_each_await(
        store,
        async |n| store.append(tried[n].clone()).await,
        async |n| {
            let whole = is_whole(store, &tried[n]).await;
            let keys = [vec![Value::Integer(n as i64)]];
            let rows = store.load_rows(&accounts(), &keys).await.expect("the table is there");
            let expected = if whole { vec![row(n as i64, "bob")] } else { Vec::new() };
            assert_eq!(rows, expected, "rows and events commit together");
            let record = store.command(&key(n)).await.expect("commands can be read");
            assert_eq!(record.is_some(), whole, "the record and the events commit together");
            again(store, &tried[n]).await;
        },
    );
    ended.await.expect("the append is good");
    assert_in_order(store).await;
}

/// Several streams in one append.
pub async fn an_append_of_several_streams(subject: Subject) {
    let two = |n: usize| {
        let more = events(2);
        append(&format!("a-{n}"), 2).and(stream(&format!("b-{n}")), ExpectedVersion::NoStream, more)
    };
    appends(subject, two).await;
}

/// An import whose batches share streams.
pub async fn an_import_that_shares_streams(subject: Subject) {
    let batches = |n: usize| {
        (0..12).map(|b| append(&format!("account-{n}x{}", b % 3), 2)).collect::<Vec<_>>()
    };
    an_import(subject, (0..200).map(batches).collect()).await;
}

/// An import of thousands of events, which a store may write in another way than a few.
pub async fn a_large_import(subject: Subject) {
    let batches =
        |n: usize| (0..30).map(|b| append(&format!("account-{n}x{b}"), 100)).collect::<Vec<_>>();
    an_import(subject, (0..60).map(batches).collect()).await;
}

async fn an_import(subject: Subject, tried: Vec<Vec<Append>>) {
    let store = &*subject.store;
    let ended = at_each_await(
        store,
        async |n| store.append_bulk(tried[n].clone()).await,
        async |n| {
            for batch in &tried[n] {
                is_whole(store, batch).await;
            }
            for result in store.append_bulk(tried[n].clone()).await {
                result.expect("the same import is safe to repeat");
            }
            for batch in &tried[n] {
                assert!(is_whole(store, batch).await, "what was acknowledged is there");
            }
        },
    );
    for result in ended.await {
        result.expect("the import is good");
    }
    assert_in_order(store).await;
}

/// Rows, a checkpoint and a state in one transaction.
pub async fn a_transaction(subject: Subject) {
    let store = &*subject.store;
    create(store, &accounts()).await;
    let name = |n: usize| format!("call-{n}");
    let ended = at_each_await(
        store,
        async |n| {
            store
                .transact_with(move |transaction| {
                    Box::pin(async move {
                        transaction.upsert_rows(&accounts(), &[row(n as i64, "ann")]).await?;
                        tokio::task::yield_now().await;
                        transaction.put_state(&name(n), "on").await?;
                        transaction.set_checkpoint(&name(n), Position::new(7)).await
                    })
                })
                .await
        },
        async |n| {
            let keys = [vec![Value::Integer(n as i64)]];
            let rows = store.load_rows(&accounts(), &keys).await.expect("the table is there");
            let state = store.state(&name(n)).await.expect("states can be read");
            let checkpoint = store.checkpoint(&name(n)).await.expect("checkpoints can be read");
            let there = [!rows.is_empty(), state.is_some(), checkpoint.is_some()];
            assert!(there == [true; 3] || there == [false; 3], "half is there: {there:?}");
        },
    );
    ended.await.expect("the work agrees");
}

/// Schemas.
pub async fn what_is_kept_beside_the_log(subject: Subject) {
    let store = &*subject.store;
    let schema = |n: usize, part: &str| RegisteredSchema {
        event_type: format!("sample.{part}{n}"),
        version: 1,
        family: None,
        schema: "{}".to_owned(),
    };
    let ended = at_each_await(
        store,
        async |n| store.register_schemas(&[schema(n, "a"), schema(n, "b")]).await,
        async |n| {
            let stored = store.schemas().await.expect("schemas can be read");
            let there = ["a", "b"].map(|part| stored.contains(&schema(n, part)));
            assert!(there[0] == there[1], "one of two schemas is there");
        },
    );
    ended.await.expect("the schemas are new");
}

/// Every way of reading.
pub async fn reads(subject: Subject) {
    let store = &*subject.store;
    create(store, &accounts()).await;
    put(store, "account-1", 500).await;
    let page = LogQuery::after(Position::START);
    at_each_await_again(store, async |_| store.read_log(&page).await).await.expect("the log");
    let all = StreamQuery::all(stream("account-1"));
    let read = at_each_await_again(store, async |_| store.read_stream(&all).await).await;
    assert_eq!(read.expect("the stream").len(), 500);
    let visited = at_each_await_again(store, async |_| {
        let visitor =
            Box::new(
                |_: annals_core::store::StoredPayload<'_>| std::ops::ControlFlow::Continue(()),
            );
        let (from, to) = (StreamVersion::NONE, StreamVersion::MAX);
        store.visit_stream(&stream("account-1"), from, to, visitor).await
    });
    assert_eq!(visited.await.expect("the stream"), Position::new(500));
    at_each_await_again(store, async |_| store.head().await).await.expect("the head");
    let rows = RowQuery::default();
    at_each_await_again(store, async |_| store.query_rows(&accounts(), &rows).await)
        .await
        .expect("the rows");
    at_each_await_again(store, async |_| store.count_rows(&accounts(), &rows).await)
        .await
        .expect("the number of rows");
}

/// As [`at_each_await`], where there is nothing to check but that work goes on.
async fn at_each_await_again<T>(store: &dyn Store, call: impl AsyncFnMut(usize) -> T) -> T {
    at_each_await(store, call, async |_| ()).await
}

/// A call that is begun and then neither polled nor dropped, as in a `select!` whose other branch
/// appends, holds nobody up; polled again, it comes to its end.
pub async fn a_call_that_is_not_polled_holds_nobody_up(subject: Subject) {
    let store = &*subject.store;
    for waits in 0..6 {
        let number = waits * 2;
        let (one, import) = (append(&format!("kept-{waits}"), 2), append("kept-i", 1));
        let kept = store.append(one.clone());
        finish_late(store, kept, waits, number).await.expect("the append is good");
        assert_eq!(ids(&read(store, &format!("kept-{waits}")).await), ids_of(&one));
        let kept = store.append_bulk(vec![import.clone(), append("kept-i", 1)]);
        for result in finish_late(store, kept, waits, number + 1).await {
            result.expect("the import is good");
        }
        assert!(is_whole(store, &import).await);
    }
    assert_in_order(store).await;
    assert_eq!(log(store).await.len(), 12 * 5 + 6 * 4);
}

/// Polls a call until it has waited some times, lets others work, then polls it to its end.
async fn finish_late<T>(
    store: &dyn Store,
    call: impl Future<Output = T>,
    waits: usize,
    number: usize,
) -> T {
    let mut call = pin!(call);
    if let Some(value) = dropped_after(waits, call.as_mut()).await {
        work_goes_on(store, number).await;
        return value;
    }
    if tokio::time::timeout(PATIENCE, work_goes_on(store, number)).await.is_err() {
        panic!("a call that waits unpolled after await {waits} holds others up");
    }
    tokio::time::timeout(PATIENCE, call).await.expect("polled again, it comes to its end")
}

/// A time limit around a call is a drop at a moment of the clock's choosing.
pub async fn a_time_limit_around_a_call(subject: Subject) {
    let store = &*subject.store;
    for n in 0..30 {
        let wanted = append(&format!("account-{n}"), 2);
        let limit = Duration::from_micros(40 * n);
        match tokio::time::timeout(limit, store.append(wanted.clone())).await {
            Ok(result) => assert!(matches!(result, Ok(_) | Err(StoreError::OutcomeUnknown { .. }))),
            Err(_) => work_goes_on_quietly(store, n).await,
        }
        again(store, &wanted).await;
    }
    assert_in_order(store).await;
}

async fn work_goes_on_quietly(store: &dyn Store, n: u64) {
    let next = tokio::time::timeout(PATIENCE, store.append(append(&format!("next-{n}"), 1))).await;
    next.expect("nobody waits for a call that was dropped").expect("the append is good");
}
