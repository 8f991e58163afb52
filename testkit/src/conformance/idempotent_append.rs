//! I1: appending the same ids again is safe and returns the first result.

use annals_core::ExpectedVersion;
use annals_core::store::{Append, Appended, StoreError};

use super::Subject;
use super::samples::{append, assert_in_order, event, events, exact, log, put, stream};

/// The same result, marked as repeated, although the expectation no longer holds.
pub async fn the_same_append_returns_its_first_result(subject: Subject) {
    let store = &*subject.store;
    let batch = Append::to(stream("account-1"), ExpectedVersion::NoStream, events(2));
    let first = store.append(batch.clone()).await.expect("the stream is new");
    subject.clock.advance(std::time::Duration::from_secs(5));

    let second = store.append(batch).await.expect("a repetition is no conflict");

    assert_eq!(second, Appended { repeated: true, ..first });
    assert_eq!(log(store).await.len(), 2);
}

/// Others may have written in between.
pub async fn a_repetition_is_recognised_behind_later_events(subject: Subject) {
    let store = &*subject.store;
    put(store, "account-1", 1).await;
    let batch = Append::to(stream("account-1"), exact(1), events(2));
    let first = store.append(batch.clone()).await.expect("the version is known");
    put(store, "account-2", 1).await;
    put(store, "account-1", 4).await;

    let second = store.append(batch).await.expect("a repetition is no conflict");

    assert_eq!(second, Appended { repeated: true, ..first });
    assert_in_order(store).await;
}

/// Half known is not the same append.
pub async fn known_and_new_ids_together_are_refused(subject: Subject) {
    let store = &*subject.store;
    let known = event();
    let first = Append::to(stream("account-1"), ExpectedVersion::Any, vec![known.clone()]);
    store.append(first).await.expect("the id is new");
    for mixed in [vec![known.clone(), event()], vec![event(), known.clone()]] {
        let batch = Append::to(stream("account-1"), ExpectedVersion::Any, mixed);
        assert_duplicate(store.append(batch).await, known.id);
    }
    assert_eq!(log(store).await.len(), 1);
}

/// An id stands in one stream only.
pub async fn known_ids_in_another_stream_are_refused(subject: Subject) {
    let store = &*subject.store;
    let known = event();
    let first = Append::to(stream("account-1"), ExpectedVersion::Any, vec![known.clone()]);
    store.append(first).await.expect("the id is new");

    let elsewhere = Append::to(stream("account-2"), ExpectedVersion::Any, vec![known.clone()]);

    assert_duplicate(store.append(elsewhere).await, known.id);
    assert_eq!(log(store).await.len(), 1);
}

/// The order belongs to what makes an append the same.
pub async fn known_ids_in_another_order_are_refused(subject: Subject) {
    let store = &*subject.store;
    let mut batch = append("account-1", 2);
    store.append(batch.clone()).await.expect("the ids are new");

    batch.streams[0].events.reverse();

    let result = store.append(batch).await;
    assert!(matches!(result, Err(StoreError::DuplicateEvent { .. })), "{result:?}");
    assert_eq!(log(store).await.len(), 2);
}

/// A repetition of an append to several streams brings back every stream's result.
pub async fn a_repetition_over_several_streams_is_recognised(subject: Subject) {
    let store = &*subject.store;
    put(store, "account-2", 1).await;
    let batch = Append::to(stream("account-1"), ExpectedVersion::NoStream, events(2)).and(
        stream("account-2"),
        exact(1),
        events(1),
    );
    let first = store.append(batch.clone()).await.expect("both expectations hold");

    let second = store.append(batch).await.expect("a repetition is no conflict");

    assert_eq!(second, Appended { repeated: true, ..first });
    assert_in_order(store).await;
}

/// One of them writes, all get its result.
pub async fn eight_at_once_have_one_effect(subject: Subject) {
    let batch = Append::to(stream("account-1"), ExpectedVersion::NoStream, events(3));
    let senders: Vec<_> = (0..8)
        .map(|_| {
            let (store, batch) = (subject.store.clone(), batch.clone());
            tokio::spawn(async move { store.append(batch).await })
        })
        .collect();
    let mut results = Vec::new();
    for sender in senders {
        results.push(sender.await.expect("no panic").expect("a repetition is no conflict"));
    }
    assert_eq!(results.iter().filter(|appended| !appended.repeated).count(), 1);
    assert!(results.iter().all(|appended| appended.streams == results[0].streams));
    assert!(results.iter().all(|appended| appended.position == results[0].position));
    assert_eq!(log(&*subject.store).await.len(), 3);
}

/// The memory of ids is as durable as the events.
pub async fn a_repetition_is_recognised_after_reopening(subject: Subject) {
    let batch = Append::to(stream("account-1"), ExpectedVersion::NoStream, events(2));
    let first = subject.store.append(batch.clone()).await.expect("the stream is new");

    let Some(subject) = subject.reopen().await else { return };

    let second = subject.store.append(batch).await.expect("a repetition is no conflict");
    assert_eq!(second, Appended { repeated: true, ..first });
    assert_eq!(log(&*subject.store).await.len(), 2);
}

#[track_caller]
fn assert_duplicate(result: Result<Appended, StoreError>, known: annals_core::EventId) {
    match result {
        Err(StoreError::DuplicateEvent { id }) => assert_eq!(id, known),
        other => panic!("event {known} is a duplicate, and the append was answered {other:?}"),
    }
}
