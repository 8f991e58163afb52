//! I1 over several streams: all or none.

use annals_core::ExpectedVersion;
use annals_core::store::Append;

use super::Subject;
use super::samples::{
    assert_conflict, assert_in_order, events, exact, ids, ids_of, log, put, read, stream,
};

/// Results and positions stand in the order of the streams in the append.
pub async fn several_streams_are_appended_in_their_order(subject: Subject) {
    let store = &*subject.store;
    put(store, "b-1", 1).await;
    let batch = Append::to(stream("c-1"), ExpectedVersion::NoStream, events(1))
        .and(stream("a-1"), ExpectedVersion::Any, events(2))
        .and(stream("b-1"), exact(1), events(1));

    let appended = store.append(batch.clone()).await.expect("all expectations hold");

    let results: Vec<_> = appended
        .streams
        .iter()
        .map(|one| (one.stream.as_str(), one.before.get(), one.after.get()))
        .collect();
    assert_eq!(results, [("c-1", 0, 1), ("a-1", 0, 2), ("b-1", 1, 2)]);
    assert_eq!(appended.position.get(), 5);
    assert_eq!(ids(&log(store).await)[1..], ids_of(&batch));
    assert_in_order(store).await;
}

/// Whichever stream conflicts, none is written.
pub async fn one_conflict_undoes_all_streams(subject: Subject) {
    let store = &*subject.store;
    put(store, "taken-1", 2).await;
    for place in 0..3 {
        let mut batch = Append::default();
        for n in 0..3 {
            batch = if n == place {
                batch.and(stream("taken-1"), ExpectedVersion::NoStream, events(1))
            } else {
                batch.and(stream(&format!("free-{n}")), ExpectedVersion::NoStream, events(1))
            };
        }
        let result = store.append(batch).await;
        assert_conflict(result, "taken-1", ExpectedVersion::NoStream, 2);
        assert_eq!(log(store).await.len(), 2, "nothing was written");
    }
    assert_in_order(store).await;
}

/// A stream without events in an append is a condition.
pub async fn a_stream_without_events_is_only_checked(subject: Subject) {
    let store = &*subject.store;
    put(store, "limit-1", 2).await;
    let with = |version| {
        Append::to(stream("account-1"), ExpectedVersion::Any, events(1)).and(
            stream("limit-1"),
            exact(version),
            Vec::new(),
        )
    };

    let appended = store.append(with(2)).await.expect("the condition holds");
    assert_eq!(appended.streams[1].before.get(), 2);
    assert_eq!(appended.streams[1].after.get(), 2);

    assert_conflict(store.append(with(3)).await, "limit-1", exact(3), 2);
    assert_eq!(read(store, "account-1").await.len(), 1);
    assert_eq!(read(store, "limit-1").await.len(), 2);
}

/// Appends that take the same streams in opposite orders neither wait for ever nor interleave.
pub async fn crossing_appends_stay_whole(subject: Subject) {
    let writers: Vec<_> = (0..8)
        .map(|n| {
            let store = subject.store.clone();
            tokio::spawn(async move {
                for _ in 0..20 {
                    let (first, second) = if n % 2 == 0 { ("a-1", "b-1") } else { ("b-1", "a-1") };
                    let batch = Append::to(stream(first), ExpectedVersion::Any, events(1)).and(
                        stream(second),
                        ExpectedVersion::Any,
                        events(1),
                    );
                    store.append(batch).await.expect("there are no expectations");
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.expect("no append fails");
    }
    let log = log(&*subject.store).await;
    assert_eq!(log.len(), 320);
    for pair in log.chunks(2) {
        assert_ne!(pair[0].stream, pair[1].stream, "the two events of an append are neighbours");
    }
    assert_in_order(&*subject.store).await;
}
