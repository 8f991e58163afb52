//! What comes in comes out, however odd it is.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use annals_core::store::{
    Append, CommandKey, LogFilter, LogQuery, MAX_APPEND_BYTES, MAX_METADATA_BYTES,
    MAX_PAYLOAD_BYTES, Store,
};
use annals_core::{ExpectedVersion, Metadata, NewEvent, Payload, Position, RecordedEvent};

use super::Subject;
use super::samples::{append, assert_invalid, event, hook, log, positions, put, read, stream};

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
        r#"{"s":"\u0001 \\u0000 \u00e9 é \ud83d\ude00 😀 \/ \\"}"#,
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
        attributes: BTreeMap::from([
            ("subject".to_owned(), "order 17".into()),
            ("attempt".to_owned(), 7.into()),
            ("flag".to_owned(), true.into()),
        ]),
    };
    let empty_texts = Metadata {
        source: some(""),
        correlation_id: some(""),
        causation_id: some(""),
        traceparent: some(""),
        actor: some(""),
        custom: BTreeMap::new(),
        attributes: BTreeMap::new(),
    };
    for metadata in [full, Metadata::default(), empty_texts] {
        let stored = round_trip(&*subject.store, event().with_metadata(metadata.clone())).await;
        assert_eq!(*stored.metadata, metadata);
    }
}

/// What no store can keep: in the same words everywhere, before anything is written, and without harm
/// to those who append at the same time.
pub async fn what_no_store_keeps_is_refused(subject: Subject) {
    let store = &*subject.store;
    let with = |change: fn(&mut NewEvent)| {
        let mut bad = event();
        change(&mut bad);
        bad
    };
    let mistakes = [
        (with(|event| event.payload = Payload::from_stored("{bad")), "no JSON"),
        (
            with(|event| event.payload = Payload::from_stored(r#"{"a":[{"b":"x\u0000"}]}"#)),
            "U+0000 stands in its payload at `/a/0/b`",
        ),
        (
            with(|event| event.payload = Payload::from_stored(r#"{"\u0000":1}"#)),
            "U+0000 stands in its payload",
        ),
        (
            with(|event| {
                event.payload = Payload::from_stored("1".repeat(MAX_PAYLOAD_BYTES + 1));
            }),
            "16777217 bytes, at most 16777216",
        ),
        (
            with(|event| event.payload = Payload::from_stored("[".repeat(9) + &"[]".repeat(9))),
            "no JSON",
        ),
        (
            with(|event| {
                let (open, close) = ("[".repeat(100_000), "]".repeat(100_000));
                event.payload = Payload::from_stored(open + &close);
            }),
            "more than 127 arrays",
        ),
        (with(|event| event.event_type = "a\0b".into()), "U+0000 stands in the name of its type"),
        (with(|event| event.event_type = "a".repeat(256).into()), "256 bytes, at most 255"),
        (with(|event| event.schema_version = 1 << 31), "schema version 2147483648 is larger"),
        (with(|event| event.occurred_at = Some(jiff::Timestamp::MIN)), "times from 0000-01-01"),
        (
            with(|event| event.metadata.actor = Some("\0".to_owned())),
            "U+0000 stands in its metadata, in `actor`",
        ),
        (
            with(|event| event.metadata.source = Some("x".repeat(MAX_METADATA_BYTES + 1))),
            "65537 bytes, at most 65536",
        ),
    ];
    for (bad, words) in mistakes {
        let bad = Append::to(stream("odd-1"), ExpectedVersion::Any, vec![bad]);
        let (first, refused, last) =
            tokio::join!(store.append(append("a-1", 1)), store.append(bad.clone()), async {
                store.append(append("b-1", 1)).await
            });
        assert!(first.is_ok() && last.is_ok(), "{words}: {first:?} {last:?}");
        let message = refused.as_ref().expect_err(words).to_string();
        assert!(message.contains(words) && message.contains("`odd-1`"), "{message}");
        assert_invalid(refused);
        let imported = store.append_bulk(vec![append("a-1", 1), bad, append("b-1", 1)]).await;
        let said: Vec<_> = imported.iter().map(Result::is_ok).collect();
        assert_eq!(said, [true, false, true], "{words}");
    }
    assert!(read(store, "odd-1").await.is_empty());
}

/// An append of many large events is split by whoever makes it.
pub async fn the_bytes_of_an_append_are_bounded(subject: Subject) {
    let store = &*subject.store;
    let large = || {
        let mut new = event();
        new.payload = Payload::from_stored(format!("\"{}\"", "x".repeat(MAX_PAYLOAD_BYTES - 2)));
        new
    };
    let too_much = (0..=MAX_APPEND_BYTES / MAX_PAYLOAD_BYTES).map(|_| large()).collect();
    let too_much = Append::to(stream("odd-1"), ExpectedVersion::Any, too_much);
    let refused = store.append(too_much).await;
    let message = refused.as_ref().expect_err("it is too much").to_string();
    assert!(message.contains(&MAX_APPEND_BYTES.to_string()), "{message}");
    assert_invalid(refused);
    assert!(read(store, "odd-1").await.is_empty());
    let largest = large();
    let stored = round_trip(store, largest.clone()).await;
    assert!(stored.payload == largest.payload, "the largest payload comes back whole");
}

/// To the microsecond, and the same for hooks, readers and columns.
pub async fn times_are_cut_to_the_microsecond(subject: Subject) {
    let store = &*subject.store;
    subject.clock.advance(std::time::Duration::from_nanos(1_234_567));
    let seen = Arc::new(Mutex::new(Vec::new()));
    let hook = {
        let seen = seen.clone();
        hook(move |events, _| {
            seen.lock().expect("nobody panics with it").extend(events);
            Box::pin(async { Ok(()) })
        })
    };
    let mut fine = event();
    // Past the door that cuts.
    fine.occurred_at = Some("2026-11-27T10:00:00.123456789Z".parse().expect("a timestamp"));
    let mut batch = Append::to(stream("odd-1"), ExpectedVersion::Any, vec![fine, event()]);
    batch.hooks.push(hook);
    let appended = store.append(batch).await.expect("there are no expectations");
    let stored = read(store, "odd-1").await;
    let cut = "2026-11-27T10:00:00.123456Z".parse().expect("a timestamp");
    assert_eq!(stored[0].occurred_at, cut);
    assert_eq!(stored[1].occurred_at, stored[1].recorded_at);
    assert_eq!(stored[1].recorded_at.subsec_nanosecond() % 1_000, 0);
    assert_eq!(appended.recorded_at, stored[1].recorded_at);
    assert_eq!(*seen.lock().expect("nobody panics with it"), stored, "the hook saw what is kept");
}

/// Imports bring history with them; a microsecond counts.
pub async fn times_before_1970(subject: Subject) {
    for text in [
        "0000-01-01T00:00:00Z",
        "9999-12-30T22:00:00Z",
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
