//! Old payloads are lifted step by step to what the program knows now.

use std::convert::Infallible;

use annals_core::store::{Append, EventStore};
use annals_core::{
    Aggregate, Apply, DecodeError, Event, ExpectedVersion, LoadError, NewEvent, Payload, StreamId,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::bank::Bank;

#[derive(Event, Debug, Clone, PartialEq)]
#[event(prefix = "transfer", crate = annals_core)]
enum TransferEvent {
    /// Version 1 had euros as text, version 2 had cents, version 3 names the currency.
    #[event(version = 3, try_upcast(1 = sent_v1), upcast(2 = sent_v2))]
    Sent { cents: i64, currency: String },
    /// Version 1 had another field name, version 2 had no reason.
    #[event(version = 3, upcast(1 = returned_v1, 2 = returned_v2))]
    Returned { cents: i64, reason: String },
}

#[derive(Deserialize, JsonSchema)]
struct SentV1 {
    euros: String,
}

#[derive(Serialize, Deserialize, JsonSchema)]
struct SentV2 {
    cents: i64,
}

#[derive(Serialize)]
struct SentV3 {
    cents: i64,
    currency: &'static str,
}

fn sent_v1(old: SentV1) -> Result<SentV2, String> {
    let refuse = || format!("`{}` is no amount", old.euros);
    let (euros, cents) = old.euros.split_once('.').ok_or_else(refuse)?;
    let number = |text: &str| text.parse::<i64>().map_err(|_| refuse());
    Ok(SentV2 { cents: number(euros)? * 100 + number(cents)? })
}

fn sent_v2(old: SentV2) -> SentV3 {
    SentV3 { cents: old.cents, currency: "EUR" }
}

fn returned_v1(mut old: Value) -> Value {
    let cents = old["amount"].take();
    json!({ "cents": cents })
}

fn returned_v2(mut old: Value) -> Value {
    old["reason"] = json!("unknown");
    old
}

#[derive(Aggregate, Default)]
#[aggregate(
    category = "transfer", id = u32, event = TransferEvent, error = Infallible,
    crate = annals_core
)]
struct Transfer {
    seen: Vec<TransferEvent>,
}

impl Apply for Transfer {
    fn apply(&mut self, event: &TransferEvent) {
        self.seen.push(event.clone());
    }
}

fn decode(event_type: &str, version: u32, payload: &str) -> Result<TransferEvent, DecodeError> {
    TransferEvent::decode(event_type, version, payload)
}

fn sent(cents: i64, currency: &str) -> TransferEvent {
    TransferEvent::Sent { cents, currency: currency.to_owned() }
}

fn returned(cents: i64, reason: &str) -> TransferEvent {
    TransferEvent::Returned { cents, reason: reason.to_owned() }
}

#[test]
fn every_version_is_read_as_the_newest() {
    for (version, payload, event) in [
        (1, r#"{"euros":"12.34"}"#, sent(1234, "EUR")),
        (2, r#"{"cents":1234}"#, sent(1234, "EUR")),
        (3, r#"{"cents":1234,"currency":"SEK"}"#, sent(1234, "SEK")),
    ] {
        let read = decode("transfer.sent", version, payload).expect("it can be lifted");
        assert_eq!(read, event, "from version {version}");
    }
    for (version, payload, event) in [
        (1, r#"{"amount":5}"#, returned(5, "unknown")),
        (2, r#"{"cents":5}"#, returned(5, "unknown")),
        (3, r#"{"cents":5,"reason":"closed"}"#, returned(5, "closed")),
    ] {
        let read = decode("transfer.returned", version, payload).expect("it can be lifted");
        assert_eq!(read, event, "from version {version}");
    }
}

#[test]
fn what_is_written_is_the_newest_version() {
    let new = NewEvent::of(&sent(5, "EUR")).expect("it can be written");
    assert_eq!((new.event_type.as_str(), new.schema_version), ("transfer.sent", 3));
    assert_eq!(new.payload.as_str(), r#"{"cents":5,"currency":"EUR"}"#);
}

#[test]
fn an_upcaster_that_refuses_says_why() {
    let error = decode("transfer.sent", 1, r#"{"euros":"plenty"}"#).expect_err("it refuses");
    assert!(matches!(error, DecodeError::Upcast { .. }), "{error:?}");
    for word in ["transfer.sent", "`plenty` is no amount"] {
        assert!(error.to_string().contains(word), "{error}");
    }
}

#[test]
fn a_payload_that_does_not_fit_its_version_is_named() {
    let old = decode("transfer.sent", 1, r#"{"cents":5}"#).expect_err("version 1 had euros");
    assert!(matches!(old, DecodeError::Upcast { .. }), "{old:?}");
    assert!(old.to_string().contains("euros"), "{old}");
    let new = decode("transfer.sent", 3, r#"{"cents":"5"}"#).expect_err("cents are a number");
    assert!(matches!(new, DecodeError::Payload { version: 3, .. }), "{new:?}");
}

#[test]
fn an_event_from_the_future_says_to_deploy_the_newer_program() {
    let error = decode("transfer.sent", 4, "{}").expect_err("nobody knows version 4");
    match &error {
        DecodeError::FromTheFuture { event_type, version, newest } => {
            assert_eq!((event_type.as_str(), *version, *newest), ("transfer.sent", 4, 3));
        }
        other => panic!("it is from the future, and the answer is {other:?}"),
    }
    assert!(error.to_string().contains("deploy"), "{error}");
}

#[test]
fn a_version_before_the_first_is_no_version() {
    assert!(decode("transfer.sent", 0, "{}").is_err());
}

#[tokio::test]
async fn a_history_of_three_versions_is_one_aggregate() {
    let bank = Bank::open();
    let old =
        |version, payload| NewEvent::raw("transfer.sent", version, Payload::from_stored(payload));
    let events = vec![
        old(1, r#"{"euros":"0.01"}"#),
        old(2, r#"{"cents":2}"#),
        old(3, r#"{"cents":3,"currency":"SEK"}"#),
    ];
    let stream = StreamId::new("transfer", 1).expect("a stream name");
    let append = Append::to(stream.clone(), ExpectedVersion::NoStream, events);
    bank.memory.append(append).await.expect("the stream is new");

    let loaded = bank.journal.load::<Transfer>(&1).await.expect("it can be lifted");

    assert_eq!(loaded.state.seen, [sent(1, "EUR"), sent(2, "EUR"), sent(3, "SEK")]);
    let stored = bank.stored().await;
    assert_eq!(stored[0].payload.as_str(), r#"{"euros":"0.01"}"#, "history stays as it is");

    // One event that nobody can lift stops the aggregate and says where it stands.
    let bad = Append::to(stream, ExpectedVersion::Any, vec![old(1, r#"{"euros":"plenty"}"#)]);
    bank.memory.append(bad).await.expect("there are no expectations");
    match bank.journal.load::<Transfer>(&1).await.err() {
        Some(LoadError::Decode { stream, version, .. }) => {
            assert_eq!((stream.as_str(), version.get()), ("transfer-1", 4));
        }
        other => panic!("the fourth event cannot be lifted, and the answer is {other:?}"),
    }
}

#[tokio::test]
async fn an_import_of_old_versions_is_checked_against_their_own_schemas() {
    let bank = Bank::open();
    bank.journal.register::<TransferEvent>().await.expect("the types hold together");
    let import = async |version, payload: &str| {
        let event = NewEvent::raw("transfer.sent", version, Payload::from_stored(payload));
        let stream = StreamId::new("transfer", 1).expect("a stream name");
        bank.journal.append(Append::to(stream, ExpectedVersion::Any, vec![event])).await
    };
    assert!(import(1, r#"{"euros":"1.00"}"#).await.is_ok());
    assert!(import(2, r#"{"cents":100}"#).await.is_ok());
    assert!(import(1, r#"{"cents":100}"#).await.is_err(), "version 1 had euros");
    assert!(import(4, r#"{"cents":100}"#).await.is_err(), "there is no version 4");
    assert_eq!(bank.stored().await.len(), 2);
}
