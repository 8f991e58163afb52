//! What comes in comes out, however odd it is.

use std::collections::BTreeMap;

use annals_core::store::{Append, CommandKey, LogFilter, LogQuery, Store};
use annals_core::{ExpectedVersion, Metadata, NewEvent, Payload, Position, RecordedEvent};

use super::Subject;
use super::samples::{append, event, log, positions, put, read, stream};

async fn round_trip(store: &dyn Store, new: NewEvent) -> RecordedEvent {
    let batch = Append::to(stream("odd-1"), ExpectedVersion::Any, vec![new]);
    store.append(batch).await.expect("there are no expectations");
    log(store).await.pop().expect("it is the last event")
}

/// Greek, Chinese, Arabic, an emoji of several code points, and two spellings of é.
pub async fn streams_in_every_script(subject: Subject) {
    let store = &*subject.store;
    let names =
        ["λογαριασμός-α", "账户-一", "حساب-١", "a-👩‍👩‍👧", "a-caf\u{e9}", "a-cafe\u{301}", "a- "];
    for (name, count) in names.iter().zip(1..) {
        put(store, name, count).await;
    }
    for (name, count) in names.iter().zip(1..) {
        let events = read(store, name).await;
        assert_eq!(events.len(), count, "{name}");
        assert_eq!(events[0].stream.as_str(), *name);
    }
    let filter = LogFilter { categories: vec!["账户".to_owned()], ..LogFilter::default() };
    let page = store.read_log(&LogQuery::after(Position::START).filter(filter)).await;
    assert_eq!(positions(&page.expect("the log can be read").events), [2, 3]);
}

/// Quotes, wildcards and parameters are letters like all others.
pub async fn names_that_look_like_sql(subject: Subject) {
    let store = &*subject.store;
    let names = [
        "a-'; DROP TABLE annals_events; --",
        "a-\"quoted\"",
        "a-%",
        "a-_",
        "a_b-1",
        "axb-1",
        "%-1",
        "$1-?",
        "a-\\",
    ];
    for (name, count) in names.iter().zip(1..) {
        put(store, name, count).await;
    }
    for (name, count) in names.iter().zip(1..) {
        assert_eq!(read(store, name).await.len(), count, "{name}");
    }
    for category in ["a_b", "axb", "%"] {
        let filter = LogFilter { categories: vec![category.to_owned()], ..LogFilter::default() };
        let page = store.read_log(&LogQuery::after(Position::START).filter(filter)).await;
        let events = page.expect("the log can be read").events;
        assert!(!events.is_empty());
        assert!(events.iter().all(|event| event.stream.category() == category));
    }
    let key = CommandKey::new("'; --").expect("a short key");
    store.append(append("a-1", 1).with_command(key.clone())).await.expect("the key is new");
    assert!(store.command(&key).await.expect("a record can be read").is_some());
}

/// Large and small letters are different letters.
pub async fn names_differ_by_case(subject: Subject) {
    let store = &*subject.store;
    put(store, "Account-a", 1).await;
    put(store, "account-a", 2).await;
    put(store, "account-A", 3).await;
    for (name, count) in [("Account-a", 1), ("account-a", 2), ("account-A", 3)] {
        assert_eq!(read(store, name).await.len(), count, "{name}");
    }
    let filter = LogFilter { categories: vec!["Account".to_owned()], ..LogFilter::default() };
    let page = store.read_log(&LogQuery::after(Position::START).filter(filter)).await;
    assert_eq!(positions(&page.expect("the log can be read").events), [1]);
}

/// Several of them in one append.
pub async fn a_payload_of_a_megabyte(subject: Subject) {
    let store = &*subject.store;
    let large = |letter: &str| {
        let mut new = event();
        new.payload = Payload::from_stored(format!(r#"{{"text":"{}"}}"#, letter.repeat(1 << 20)));
        new
    };
    let events = vec![large("a"), large("b"), large("c")];
    let payloads: Vec<_> = events.iter().map(|event| event.payload.clone()).collect();
    let batch = Append::to(stream("odd-1"), ExpectedVersion::NoStream, events);
    store.append(batch).await.expect("the stream is new");
    let stored: Vec<_> = log(store).await.into_iter().map(|event| event.payload).collect();
    assert!(stored == payloads, "the payloads come back whole");
}

/// No store reads JSON on the way: spaces, the order of keys, doubled keys, large numbers and
/// escapes stay as they are.
pub async fn payloads_come_back_letter_by_letter(subject: Subject) {
    for text in [
        "null",
        "{}",
        "[]",
        r#"{"b": null, "a": [null, {"c": null}]}"#,
        "{ \"z\" : 1,\n\t\"a\" : 2 }",
        r#"{"a":1,"a":2}"#,
        r#"{"n":123456789012345678901234567890.000000000000000000001}"#,
        r#"{"n":1.0,"m":1e2,"k":-0}"#,
        r#"{"s":"\u0000 \u00e9 é \ud83d\ude00 😀 \/ \\"}"#,
        r#""text""#,
    ] {
        let mut new = event();
        new.payload = Payload::parse(text).expect("the sample is JSON");
        let stored = round_trip(&*subject.store, new).await;
        assert_eq!(stored.payload.as_str(), text);
    }
}

/// All, none, and empty texts, which are not none.
pub async fn every_field_of_the_metadata(subject: Subject) {
    let some = |text: &str| Some(text.to_owned());
    let full = Metadata {
        source: some("/bank/accounts"),
        correlation_id: some("corr-1"),
        causation_id: some("cause-1"),
        traceparent: some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
        actor: some("ann@example.org"),
        custom: BTreeMap::from([
            ("tenant".to_owned(), "7".to_owned()),
            ("κλειδί".to_owned(), "\"'\n".to_owned()),
            (String::new(), String::new()),
        ]),
    };
    let empty_texts = Metadata {
        source: some(""),
        correlation_id: some(""),
        causation_id: some(""),
        traceparent: some(""),
        actor: some(""),
        custom: BTreeMap::new(),
    };
    for metadata in [full, Metadata::default(), empty_texts] {
        let stored = round_trip(&*subject.store, event().with_metadata(metadata.clone())).await;
        assert_eq!(*stored.metadata, metadata);
    }
}

/// Imports bring history with them; a microsecond counts.
pub async fn times_before_1970(subject: Subject) {
    for text in [
        "1969-12-31T23:59:59.999999Z",
        "1969-07-20T20:17:40.000001Z",
        "1582-10-15T00:00:00Z",
        "0001-01-01T00:00:00Z",
        "9999-12-30T00:00:00Z",
    ] {
        let time = text.parse().expect("the sample is a timestamp");
        let stored = round_trip(&*subject.store, event().occurred_at(time)).await;
        assert_eq!(stored.occurred_at, time);
    }
}
