//! Imports: many batches in few commits, each judged on its own.

use annals_core::ExpectedVersion;
use annals_core::store::{Append, Appended, CommandKey, StoreError};

use super::Subject;
use super::samples::{
    append, assert_conflict, assert_in_order, assert_invalid, events, exact, log, put, read,
    refusing_hook, stream,
};

/// One result a batch.
pub async fn results_come_in_order(subject: Subject) {
    let store = &*subject.store;
    let batches: Vec<_> = (1..=50).map(|n| append(&format!("account-{n}"), n)).collect();
    let mut position = 0;
    for (result, n) in store.append_bulk(batches).await.into_iter().zip(1..) {
        let appended = result.expect("there are no expectations");
        position += n;
        assert_eq!(appended.streams[0].stream, stream(&format!("account-{n}")));
        assert_eq!((appended.streams[0].after.get(), appended.position.get()), (n, position));
    }
    assert_eq!(position, 50 * 51 / 2, "there are as many results as batches");
    assert_in_order(store).await;
}

/// Between good ones: a conflict, a duplicate, an empty one, a reused key.
pub async fn each_batch_is_judged_on_its_own(subject: Subject) {
    let store = &*subject.store;
    let known = append("known-1", 1);
    store.append(known.clone()).await.expect("the ids are new");
    let key = CommandKey::new("k").expect("a short key");
    let mut duplicate = known.clone();
    duplicate.streams[0].stream = stream("known-2");
    let batches = vec![
        append("good-1", 1).with_command(key.clone()),
        Append::to(stream("known-1"), ExpectedVersion::NoStream, events(1)),
        append("good-2", 1),
        duplicate,
        append("good-3", 1),
        Append::default(),
        append("good-4", 1).with_command(key),
        known,
        append("good-5", 1),
    ];

    let mut results = store.append_bulk(batches).await.into_iter();
    let mut next = || results.next().expect("one result a batch");

    assert_eq!(next().expect("good").position.get(), 2);
    assert_conflict(next(), "known-1", ExpectedVersion::NoStream, 1);
    assert_eq!(next().expect("good").position.get(), 3);
    assert!(matches!(next(), Err(StoreError::DuplicateEvent { .. })));
    assert_eq!(next().expect("good").position.get(), 4);
    assert_invalid(next());
    assert!(matches!(next(), Err(StoreError::KeyReused { .. })));
    let repeated = next().expect("a repetition is no conflict");
    assert_eq!((repeated.repeated, repeated.position.get()), (true, 1));
    assert_eq!(next().expect("good").position.get(), 5);
    assert_in_order(store).await;
}

/// As if they had been appended one after the other.
pub async fn a_batch_sees_the_ones_before_it(subject: Subject) {
    let store = &*subject.store;
    let batches = vec![
        Append::to(stream("account-1"), ExpectedVersion::NoStream, events(2)),
        Append::to(stream("account-1"), exact(2), events(1)),
        Append::to(stream("account-1"), exact(2), events(1)),
        Append::to(stream("account-1"), ExpectedVersion::StreamExists, events(1)),
    ];
    let results = store.append_bulk(batches).await;
    let good: Vec<_> = results.iter().map(Result::is_ok).collect();
    assert_eq!(good, [true, true, false, true]);
    assert_eq!(read(store, "account-1").await.len(), 4);
    assert_in_order(store).await;
}

/// With ids of its own, an import can be run again.
pub async fn a_second_import_changes_nothing(subject: Subject) {
    let store = &*subject.store;
    let batches: Vec<_> = (0..20).map(|n| append(&format!("account-{n}"), 3)).collect();
    let first = store.append_bulk(batches.clone()).await;
    put(store, "account-1", 1).await;
    let second = store.append_bulk(batches).await;
    for (first, second) in first.into_iter().zip(second) {
        let first = first.expect("the ids are new");
        assert_eq!(second.expect("no conflict"), Appended { repeated: true, ..first });
    }
    assert_eq!(log(store).await.len(), 61);
    assert_in_order(store).await;
}

/// The others of the same commit stay.
pub async fn a_refused_hook_hurts_only_its_batch(subject: Subject) {
    let store = &*subject.store;
    let mut batches: Vec<_> = (0..9).map(|n| append(&format!("account-{n}"), 2)).collect();
    batches[4].hooks = vec![refusing_hook()];
    let results = store.append_bulk(batches).await;
    for (n, result) in results.iter().enumerate() {
        assert_eq!(result.is_err(), n == 4, "batch {n}: {result:?}");
    }
    assert_eq!(log(store).await.len(), 16);
    assert_in_order(store).await;
}

/// Nothing in, nothing out.
pub async fn no_batches_are_no_work(subject: Subject) {
    assert!(subject.store.append_bulk(Vec::new()).await.is_empty());
}
