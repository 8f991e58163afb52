//! I11: bounds are met with an answer, not with a surprise.

use annals_core::store::{
    Append, CommandKey, CommandOutcome, KeyedCommand, LogQuery, MAX_APPEND_EVENTS, MAX_PAGE,
    MAX_REFUSAL_BYTES, StreamQuery,
};
use annals_core::{
    ExpectedVersion, MAX_CATEGORY_BYTES, MAX_STREAM_NAME_BYTES, Position, StreamVersion,
};

use super::Subject;
use super::samples::{append, assert_invalid, event, events, log, put, read, stream};

/// And no page is larger than a page.
pub async fn the_largest_append_fits(subject: Subject) {
    let store = &*subject.store;
    let appended = put(store, "account-1", MAX_APPEND_EVENTS).await;
    assert_eq!(appended.position.get(), MAX_APPEND_EVENTS as u64);
    put(store, "account-1", 1).await;
    let total = MAX_APPEND_EVENTS as u64 + 1;
    let all = StreamQuery::all(stream("account-1"));
    let page = store.read_stream(&all).await.expect("a stream can be read");
    assert_eq!(page.len(), MAX_PAGE);
    let rest = all.after(StreamVersion::new(MAX_PAGE as u64));
    assert_eq!(store.read_stream(&rest).await.expect("a stream can be read").len(), 1);
    let page = store.read_log(&LogQuery::after(Position::START)).await.expect("a page");
    assert_eq!((page.events.len(), page.next.get()), (MAX_PAGE, MAX_PAGE as u64));
    assert_eq!(page.head.get(), total);
}

/// The message names the bound; nothing is written.
pub async fn one_event_more_is_refused(subject: Subject) {
    let store = &*subject.store;
    assert_invalid(store.append(append("account-1", MAX_APPEND_EVENTS + 1)).await);
    let split = append("account-1", MAX_APPEND_EVENTS).and(
        stream("account-2"),
        ExpectedVersion::Any,
        events(1),
    );
    let result = store.append(split).await;
    let message = result.as_ref().expect_err("too many events").to_string();
    assert!(message.contains(&MAX_APPEND_EVENTS.to_string()), "{message}");
    assert_invalid(result);
    assert!(log(store).await.is_empty());
}

/// No streams, or no events in them.
pub async fn an_append_of_nothing_is_refused(subject: Subject) {
    let store = &*subject.store;
    assert_invalid(store.append(Append::default()).await);
    assert_invalid(store.append(append("account-1", 0)).await);
}

/// In one stream and over two.
pub async fn an_id_twice_is_refused(subject: Subject) {
    let store = &*subject.store;
    let twice = event();
    let (one, two) = (vec![twice.clone(), event(), twice.clone()], vec![event(), twice.clone()]);
    assert_invalid(store.append(Append::to(stream("a-1"), ExpectedVersion::Any, one)).await);
    let over_two = Append::to(stream("a-1"), ExpectedVersion::Any, vec![twice]).and(
        stream("b-1"),
        ExpectedVersion::Any,
        two,
    );
    assert_invalid(store.append(over_two).await);
    assert!(log(store).await.is_empty());
}

/// Its second expectation would mean nothing.
pub async fn a_stream_twice_is_refused(subject: Subject) {
    let store = &*subject.store;
    let twice = append("a-1", 1).and(stream("a-1"), ExpectedVersion::Any, events(1));
    assert_invalid(store.append(twice).await);
    assert!(log(store).await.is_empty());
}

/// Its record names one stream.
pub async fn a_command_over_two_streams_is_refused(subject: Subject) {
    let store = &*subject.store;
    let key = CommandKey::new("k").expect("a short key");
    let over_two = append("a-1", 1).and(stream("b-1"), ExpectedVersion::Any, events(1));
    assert_invalid(store.append(over_two.with_command(key.clone())).await);
    assert_eq!(store.command(&key).await.expect("a record can be read"), None);
    assert!(log(store).await.is_empty());
}

/// What was refused has not happened.
pub async fn a_refusal_with_events_is_refused(subject: Subject) {
    let store = &*subject.store;
    let key = CommandKey::new("k").expect("a short key");
    let outcome = CommandOutcome::refused(&"no");
    let command = KeyedCommand { outcome, ..key.clone().into() };
    assert_invalid(store.append(append("a-1", 1).with_command(command)).await);
    for words in ["a\0".to_owned(), "w".repeat(MAX_REFUSAL_BYTES + 1)] {
        let outcome = CommandOutcome::Refused(words);
        let command = KeyedCommand { outcome, ..key.clone().into() };
        assert_invalid(store.append(append("a-1", 0).with_command(command)).await);
    }
    assert_eq!(store.command(&key).await.expect("a record can be read"), None);
    assert!(log(store).await.is_empty());
}

/// Whole, and apart from one that differs in the last letter.
pub async fn the_longest_names_fit(subject: Subject) {
    let store = &*subject.store;
    let category = "c".repeat(MAX_CATEGORY_BYTES);
    let id = "x".repeat(MAX_STREAM_NAME_BYTES - MAX_CATEGORY_BYTES - 2);
    let (one, two) = (format!("{category}-{id}1"), format!("{category}-{id}2"));
    assert_eq!(one.len(), MAX_STREAM_NAME_BYTES);
    put(store, &one, 1).await;
    put(store, &two, 2).await;
    assert_eq!(read(store, &one).await.len(), 1);
    assert_eq!(read(store, &two).await.len(), 2);
    let key = CommandKey::new("k".repeat(255)).expect("255 bytes");
    store.append(append("a-1", 1).with_command(key.clone())).await.expect("the key is new");
    assert!(store.command(&key).await.expect("a record can be read").is_some());
}
