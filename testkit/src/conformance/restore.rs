//! Taking in events that were recorded in another store.

use std::sync::Arc;
use std::time::Duration;

use annals_core::store::{Operate, Restored, StoreError};
use annals_core::{EventId, Metadata, Payload, Position, RecordedEvent, StreamVersion};

use super::Subject;
use super::samples::{assert_in_order, assert_invalid, log, put, stream};

/// Events as another store has them: two streams in turn, each with a time of its own.
fn history(count: u64) -> Vec<RecordedEvent> {
    let event = |n: u64| RecordedEvent {
        id: EventId::generate(),
        stream: stream(if n % 3 == 2 { "order-b" } else { "order-a" }),
        version: StreamVersion::new(if n % 3 == 2 { n / 3 + 1 } else { n - n / 3 - n % 3 / 2 + 1 }),
        position: Position::new(n + 1),
        event_type: "order.changed".into(),
        schema_version: 2,
        payload: Payload::from_stored(format!(r#"{{ "n": {n}, "text": "é \"😀\"", "a": 1.50 }}"#)),
        recorded_at: time(1_000 + n),
        occurred_at: time(900 - n % 7),
        metadata: Arc::new(Metadata { actor: Some(format!("ann {n}")), ..Metadata::default() }),
    };
    (0..count).map(event).collect()
}

fn time(seconds: u64) -> jiff::Timestamp {
    jiff::Timestamp::UNIX_EPOCH + Duration::from_millis(seconds * 1_000 + 1)
}

async fn restore(store: &dyn Operate, events: &[RecordedEvent]) -> Restored {
    store.restore(events.to_vec()).await.expect("events can be taken in")
}

/// Letter by letter: ids, versions, times, metadata, payloads, and their order.
pub async fn a_copy_is_the_same_log(subject: Subject) {
    let Some(operated) = subject.operate().await else { return };
    let (store, history) = (&*operated.store, history(40));
    let restored = restore(store, &history).await;
    let all = Restored { written: 40, present: 0, delayed: 0, head: Position::new(40) };
    assert_eq!(restored, all);
    assert_eq!(log(store).await, history);
    assert_in_order(store).await;
    assert_eq!(restore(store, &[]).await.head, Position::new(40));
}

/// As often as one likes.
pub async fn the_same_events_again_do_nothing(subject: Subject) {
    let Some(operated) = subject.operate().await else { return };
    let (store, history) = (&*operated.store, history(20));
    restore(store, &history).await;
    for part in [&history[..], &history[5..], &history[..3]] {
        let again = restore(store, part).await;
        assert_eq!((again.written, again.present), (0, part.len() as u64));
        assert_eq!(again.head, Position::new(20));
    }
    assert_eq!(log(store).await, history);
}

/// A batch may be there in part.
pub async fn a_copy_goes_on_where_it_was_interrupted(subject: Subject) {
    let Some(operated) = subject.operate().await else { return };
    let (store, history) = (&*operated.store, history(30));
    restore(store, &history[..13]).await;
    let rest = restore(store, &history[7..]).await;
    assert_eq!((rest.written, rest.present), (17, 6));
    assert_eq!(log(store).await, history);
}

/// One that does not fit keeps the others out.
pub async fn all_or_none_are_written(subject: Subject) {
    let Some(operated) = subject.operate().await else { return };
    let (store, mut history) = (&*operated.store, history(10));
    history[9].version = StreamVersion::new(70);
    assert!(store.restore(history.clone()).await.is_err());
    assert_eq!(log(store).await, []);
    restore(store, &history[..9]).await;
    assert_in_order(store).await;
}

/// A stream is taken in from its first event on, and goes on with the next.
pub async fn what_is_missing_before_is_a_conflict(subject: Subject) {
    let Some(operated) = subject.operate().await else { return };
    let (store, history) = (&*operated.store, history(10));
    match store.restore(history[1..].to_vec()).await {
        Err(StoreError::Conflict { stream, actual, .. }) => {
            assert_eq!((stream.as_str(), actual.get()), ("order-a", 0));
        }
        other => panic!("the first event is missing, and that was answered {other:?}"),
    }
    put(store, "order-a", 1).await;
    match store.restore(history).await {
        Err(StoreError::Conflict { stream, actual, .. }) => {
            assert_eq!((stream.as_str(), actual.get()), ("order-a", 1));
        }
        other => panic!("another event is the first, and that was answered {other:?}"),
    }
}

/// Elsewhere, or with other content.
pub async fn an_id_that_stands_elsewhere_is_refused(subject: Subject) {
    let Some(operated) = subject.operate().await else { return };
    let (store, history) = (&*operated.store, history(5));
    restore(store, &history).await;
    let change = |change: fn(&mut RecordedEvent)| {
        let mut event = history[4].clone();
        change(&mut event);
        vec![event]
    };
    for changed in [
        change(|event| event.stream = stream("order-c")),
        change(|event| event.version = StreamVersion::new(9)),
        change(|event| event.event_type = "order.removed".into()),
        change(|event| event.payload = Payload::from_stored("{}")),
    ] {
        match store.restore(changed).await {
            Err(StoreError::DuplicateEvent { id }) => assert_eq!(id, history[4].id),
            other => panic!("the id stands elsewhere, and that was answered {other:?}"),
        }
    }
    // Fields in another order say the same.
    let same = change(|event| {
        let text = r#"{"a":1.5,"text":"é \"😀\"","n":4}"#;
        event.payload = Payload::from_stored(text);
    });
    assert_eq!(restore(store, &same).await.present, 1);
    assert_eq!(log(store).await, history);
}

/// Where later events stand before them, they are recorded when those were.
pub async fn times_never_go_back(subject: Subject) {
    let Some(operated) = subject.operate().await else { return };
    let (store, history) = (&*operated.store, history(4));
    put(store, "account-1", 1).await;
    let first = log(store).await[0].recorded_at;
    assert!(first > history[3].recorded_at, "the clock of the suite begins after 1970");
    assert_eq!(restore(store, &history).await.delayed, 4);
    let log = log(store).await;
    assert!(log.iter().all(|event| event.recorded_at == first));
    let happened: Vec<_> = log[1..].iter().map(|event| event.occurred_at).collect();
    let wanted: Vec<_> = history.iter().map(|event| event.occurred_at).collect();
    assert_eq!(happened, wanted, "when it happened stays");
    assert_in_order(store).await;
}

/// As with an append.
pub async fn what_no_store_keeps_is_refused(subject: Subject) {
    let Some(operated) = subject.operate().await else { return };
    let (store, history) = (&*operated.store, history(3));
    let refused = |change: fn(&mut Vec<RecordedEvent>)| {
        let mut events = history.clone();
        change(&mut events);
        store.restore(events)
    };
    assert_invalid(
        refused(|events| events[2].payload = Payload::from_stored(r#"{"a":"\u0000"}"#)).await,
    );
    assert_invalid(refused(|events| events[1].payload = Payload::from_stored("{")).await);
    assert_invalid(refused(|events| events[1].id = events[0].id).await);
    assert_invalid(refused(|events| events[0].recorded_at = jiff::Timestamp::MIN).await);
    assert_invalid(store.restore(self::history(10_001)).await);
    assert_eq!(log(store).await, []);
}

/// It is a log like any other.
pub async fn a_copy_can_be_appended_to(subject: Subject) {
    let Some(operated) = subject.operate().await else { return };
    let (store, history) = (&*operated.store, history(6));
    restore(store, &history).await;
    put(store, "order-a", 2).await;
    put(store, "order-c", 1).await;
    assert_eq!(log(store).await[..6], history);
    assert_in_order(store).await;
    let again = restore(store, &history).await;
    assert_eq!((again.present, again.head), (6, Position::new(9)));
}
