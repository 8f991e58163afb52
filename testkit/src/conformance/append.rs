//! I1: an append is atomic and conditional.

use std::time::Duration;

use annals_core::store::Append;
use annals_core::{ExpectedVersion, Metadata, Payload, Position, StreamVersion};

use super::Subject;
use super::samples::{
    append, assert_conflict, assert_in_order, event, events, exact, hook, ids, ids_of, log, put,
    read, stream,
};

/// What is acknowledged can be read at once, with every field.
pub async fn an_append_is_readable_at_once(subject: Subject) {
    let store = &*subject.store;
    let happened = "2020-05-17T08:30:00.123456Z".parse().expect("a timestamp");
    let mut new = event().occurred_at(happened);
    new.schema_version = 3;
    new.payload = Payload::from_stored(r#"{"cents": 500}"#);
    new.metadata = Metadata { actor: Some("ann".to_owned()), ..Metadata::default() };
    let other = event();
    let batch = Append::to(
        stream("account-1"),
        ExpectedVersion::NoStream,
        vec![new.clone(), other.clone()],
    );

    let appended = store.append(batch).await.expect("the stream is new");

    assert_eq!(appended.position, Position::new(2));
    assert!(!appended.repeated);
    assert_eq!(appended.streams.len(), 1);
    assert_eq!(appended.streams[0].stream, stream("account-1"));
    assert_eq!(appended.streams[0].before, StreamVersion::NONE);
    assert_eq!(appended.streams[0].after, StreamVersion::new(2));
    let stored = read(store, "account-1").await;
    assert_eq!(stored.len(), 2);
    let first = &stored[0];
    assert_eq!(first.id, new.id);
    assert_eq!(first.stream, stream("account-1"));
    assert_eq!(first.version, StreamVersion::new(1));
    assert_eq!(first.position, Position::new(1));
    assert_eq!(first.event_type, new.event_type);
    assert_eq!(first.schema_version, 3);
    assert_eq!(first.payload, new.payload);
    assert_eq!(first.occurred_at, happened);
    assert_eq!(*first.metadata, new.metadata);
    assert_eq!(first.recorded_at, appended.recorded_at);
    assert_eq!(stored[1].id, other.id);
    assert_eq!(stored[1].occurred_at, stored[1].recorded_at, "it happens when it is recorded");
    assert_eq!(log(store).await, stored, "the log and the stream tell the same");
}

/// Every expectation against a new stream and against one of two events.
pub async fn each_expectation_is_kept(subject: Subject) {
    let store = &*subject.store;
    let expectations = [
        (ExpectedVersion::Any, true, true),
        (ExpectedVersion::NoStream, true, false),
        (ExpectedVersion::StreamExists, false, true),
        (exact(0), true, false),
        (exact(1), false, false),
        (exact(2), false, true),
        (exact(3), false, false),
    ];
    for (n, (expected, on_new, on_two)) in expectations.into_iter().enumerate() {
        let (new, two) = (format!("new-{n}"), format!("two-{n}"));
        put(store, &two, 2).await;
        for (name, holds, actual) in [(new, on_new, 0), (two, on_two, 2)] {
            let result = store.append(Append::to(stream(&name), expected, events(1))).await;
            if holds {
                let appended = result.expect("the expectation holds");
                assert_eq!(appended.streams[0].before.get(), actual);
                assert_eq!(appended.streams[0].after.get(), actual + 1);
            } else {
                assert_conflict(result, &name, expected, actual);
                assert_eq!(read(store, &name).await.len() as u64, actual, "nothing was written");
            }
        }
    }
    assert_in_order(store).await;
}

/// A conflict leaves no event, no version and no position behind.
pub async fn a_conflict_writes_nothing(subject: Subject) {
    let store = &*subject.store;
    put(store, "account-1", 1).await;
    let late = Append::to(stream("account-1"), ExpectedVersion::NoStream, events(3));
    let ids_of_late = ids_of(&late);

    assert_conflict(store.append(late.clone()).await, "account-1", ExpectedVersion::NoStream, 1);

    assert!(!ids(&log(store).await).iter().any(|id| ids_of_late.contains(id)));
    let next = put(store, "account-2", 1).await;
    assert_eq!(next.position, Position::new(2), "no position was used up");
    // The ids are free: the same events may be appended after deciding again.
    let again = Append {
        streams: vec![annals_core::store::StreamAppend {
            expected: exact(1),
            ..late.streams[0].clone()
        }],
        ..Append::default()
    };
    assert!(!store.append(again).await.expect("the expectation holds now").repeated);
}

/// Whoever drops the future of an append finds all of it or nothing, and may append it again.
pub async fn a_dropped_append_is_whole_or_absent(subject: Subject) {
    let store = &*subject.store;
    for n in 0..20 {
        let batch = append(&format!("account-{n}"), 3);
        // Polls once, then drops.
        let _ = tokio::time::timeout(Duration::ZERO, store.append(batch.clone())).await;
        let found = read(store, &format!("account-{n}")).await.len();
        assert!(found == 0 || found == 3, "{found} of 3 events are there");
        store.append(batch.clone()).await.expect("the same append is safe to repeat");
        assert_eq!(ids(&read(store, &format!("account-{n}")).await), ids_of(&batch));
    }
    assert_in_order(store).await;
}

/// A clock that is set back makes nothing older than what precedes it, however it is appended.
pub async fn a_time_of_recording_never_goes_back(subject: Subject) {
    let store = &*subject.store;
    let first = put(store, "account-1", 1).await.recorded_at;
    subject.clock.set(first - Duration::from_secs(3_600));

    let alone = put(store, "account-1", 1).await;
    let batch = append("account-1", 2).and(stream("account-2"), ExpectedVersion::Any, events(1));
    let several = store.append(batch).await.expect("there are no expectations");
    let mut hooked = append("account-1", 1);
    hooked.hooks.push(hook(move |events, _| {
        Box::pin(async move {
            assert!(events.iter().all(|event| event.recorded_at == first), "{events:?}");
            Ok(())
        })
    }));
    let hooked = store.append(hooked).await.expect("the hook agrees");
    let imported = store.append_bulk(vec![append("account-1", 1), append("account-1", 1)]).await;
    for result in imported.into_iter().chain([Ok(alone), Ok(several), Ok(hooked)]) {
        assert_eq!(result.expect("there are no expectations").recorded_at, first);
    }
    assert!(log(store).await.iter().all(|event| event.recorded_at == first));

    subject.clock.set(first + Duration::from_secs(1));
    let later = put(store, "account-1", 1).await;
    assert_eq!(later.recorded_at, first + Duration::from_secs(1), "time goes on");
}

/// Durable means durable.
pub async fn what_was_acknowledged_survives_reopening(subject: Subject) {
    put(&*subject.store, "account-1", 3).await;
    put(&*subject.store, "account-2", 2).await;
    let before = log(&*subject.store).await;

    let Some(subject) = subject.reopen().await else { return };

    let store = &*subject.store;
    assert_eq!(log(store).await, before);
    let next = Append::to(stream("account-1"), exact(3), events(1));
    let appended = store.append(next).await.expect("the version is known");
    assert_eq!(appended.position, Position::new(6));
    assert_in_order(store).await;
}
