//! I1: appending the same ids again is safe and returns the first result.

use annals_core::store::{Append, Appended, StoreError};
use annals_core::{ExpectedVersion, NewEvent, Payload};

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

/// A repetition says what the first one said. Anything else is a mistake, not a retry.
pub async fn known_ids_with_other_content_are_refused(subject: Subject) {
    let store = &*subject.store;
    let mut known = event();
    known.payload = Payload::from_stored(r#"{"a":1,"b":{"c":2,"d":[3]}}"#);
    let with = |known: &NewEvent| {
        Append::to(stream("account-1"), ExpectedVersion::Any, vec![event(), known.clone()])
    };
    let first = with(&known);
    store.append(first.clone()).await.expect("the ids are new");

    let mut batch = first.clone();
    batch.streams[0].events[1].event_type = "sample.repented".into();
    assert_duplicate(store.append(batch).await, first.streams[0].events[0].id);
    let mut batch = first.clone();
    batch.streams[0].events[1].payload = Payload::from_stored(r#"{"a":1,"b":{"c":2,"d":[4]}}"#);
    assert_duplicate(store.append(batch.clone()).await, first.streams[0].events[0].id);
    let imported = store.append_bulk(vec![batch]).await.remove(0);
    assert_duplicate(imported, first.streams[0].events[0].id);

    // A map that is written again may have another order.
    let mut batch = first.clone();
    batch.streams[0].events[1].payload = Payload::from_stored(r#"{"b":{"d":[3],"c":2},"a":1}"#);
    assert!(store.append(batch).await.expect("it says the same").repeated);
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

/// Also of the streams that it only checked, wherever they are by now.
pub async fn a_repetition_tells_where_checked_streams_stood(subject: Subject) {
    let store = &*subject.store;
    put(store, "limit-1", 2).await;
    for expected in [exact(2), ExpectedVersion::StreamExists, ExpectedVersion::Any] {
        let name = format!("account-{}", log(store).await.len());
        let mut batch = Append::to(stream("limit-1"), expected, Vec::new()).and(
            stream(&name),
            ExpectedVersion::NoStream,
            events(2),
        );
        if expected != exact(2) {
            // Behind others, and behind the events.
            batch.streams.reverse();
        }
        let first = store.append(batch.clone()).await.expect("the expectations hold");
        put(store, "limit-1", 3).await;
        let second = store.append(batch).await.expect("a repetition is no conflict");
        assert_eq!(second, Appended { repeated: true, ..first });
    }
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
