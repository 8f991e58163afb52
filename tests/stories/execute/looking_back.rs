//! The aggregate as it was, and its history.

use std::convert::Infallible;
use std::time::Duration;

use annals_core::store::{Append, EventStore};
use annals_core::{
    Aggregate, Apply, Clock, DecodeError, ExpectedVersion, HistoryEvent, LoadError, NewEvent,
    Payload, RecordedEvent, StreamId, UnknownEvents,
};

use crate::bank::{Account, AccountEvent, Bank, Deposited, ann, version};

/// Sees the same stream as [`Account`], and passes over what it does not know.
#[derive(Aggregate, Default)]
#[aggregate(
    category = "account", id = String, event = AccountEvent, error = Infallible,
    unknown = "skip", crate = annals_core
)]
struct Skipping {
    seen: u32,
}

impl Apply for Skipping {
    fn apply(&mut self, _: &AccountEvent) {
        self.seen += 1;
    }
}

/// Sees the same stream, and takes what it does not know as it stands.
#[derive(Aggregate, Default)]
#[aggregate(
    category = "account", id = String, event = AccountEvent, error = Infallible,
    unknown = "raw", crate = annals_core
)]
struct Raw {
    seen: u32,
    unknown: Vec<String>,
}

impl Apply for Raw {
    fn apply(&mut self, _: &AccountEvent) {
        self.seen += 1;
    }

    fn apply_unknown(&mut self, event: &RecordedEvent) {
        self.unknown.push(event.event_type.to_string());
    }
}

/// Deposits of 1, 2, 4 cents, a minute apart, with an event of a newer program after the second.
async fn prepare() -> Bank {
    let bank = Bank::open();
    for cents in [1, 2, 4] {
        bank.deposit(cents).await;
        bank.clock.advance(Duration::from_secs(60));
    }
    bank
}

async fn add_unknown(bank: &Bank) {
    let unknown = NewEvent::raw("account.frozen", 1, Payload::from_stored("{}"));
    let stream = StreamId::parse("account-ann").expect("a stream name");
    let append = Append::to(stream, ExpectedVersion::Any, vec![unknown]);
    bank.memory.append(append).await.expect("there are no expectations");
}

#[tokio::test]
async fn as_it_was_at_a_version() {
    let bank = prepare().await;
    for (at, cents, reached) in [(0, 0, 0), (1, 1, 1), (2, 3, 2), (3, 7, 3), (9, 7, 3)] {
        let loaded = bank.journal.load_at_version::<Account>(&ann(), version(at)).await;
        let loaded = loaded.expect("the account can be loaded");
        assert_eq!((loaded.state.cents, loaded.version), (cents, version(reached)), "at {at}");
    }
}

#[tokio::test]
async fn as_it_was_known_at_a_time() {
    let bank = prepare().await;
    let end = bank.clock.now();
    for (seconds_ago, cents) in [(181, 0), (180, 1), (121, 1), (120, 3), (60, 7), (0, 7)] {
        let time = end - Duration::from_secs(seconds_ago);
        let loaded = bank.journal.load_at_time::<Account>(&ann(), time).await;
        let cents_then = loaded.expect("the account can be loaded").state.cents;
        assert_eq!(cents_then, cents, "{seconds_ago} s ago");
    }
}

#[tokio::test]
async fn what_nobody_wrote_to_is_new() {
    let bank = Bank::open();
    let loaded = bank.journal.load::<Account>(&ann()).await.expect("it can be loaded");
    assert_eq!((loaded.state, loaded.version), (Account::default(), version(0)));
}

#[tokio::test]
async fn an_unknown_event_stops_skips_or_comes_raw_as_the_aggregate_says() {
    let bank = prepare().await;
    add_unknown(&bank).await;
    bank.memory.head().await.expect("a head");

    let error = bank.journal.load::<Account>(&ann()).await.expect_err("the event is unknown");
    match &error {
        LoadError::Decode { stream, version: at, source } => {
            assert_eq!((stream.as_str(), *at), ("account-ann", version(4)));
            assert!(matches!(source, DecodeError::UnknownType { .. }));
        }
        other => panic!("the event is unknown, and the answer is {other:?}"),
    }
    assert!(error.to_string().contains("account.frozen"), "{error}");

    let skipping = bank.journal.load::<Skipping>(&ann()).await.expect("it passes over it");
    assert_eq!((skipping.state.seen, skipping.version), (3, version(4)));
    let raw = bank.journal.load::<Raw>(&ann()).await.expect("it takes it as it stands");
    assert_eq!((raw.state.seen, raw.state.unknown), (3, vec!["account.frozen".to_owned()]));
    // Before the unknown event everything can still be read.
    let before = bank.journal.load_at_version::<Account>(&ann(), version(3)).await;
    assert_eq!(before.expect("it can be loaded").state.cents, 7);
}

#[tokio::test]
async fn the_history_has_the_same_three_ways() {
    let bank = prepare().await;
    add_unknown(&bank).await;
    bank.memory.head().await.expect("a head");
    let history =
        async |unknown| bank.journal.history::<Account>(&ann(), version(1), unknown).await;

    let error = history(UnknownEvents::Error).await.expect_err("the event is unknown");
    assert!(error.to_string().contains("account.frozen"), "{error}");

    let known = |event: &HistoryEvent<AccountEvent>| match event {
        HistoryEvent::Known(recorded) => Some((recorded.version.get(), recorded.data.clone())),
        HistoryEvent::Unknown(_) => None,
    };
    let two = vec![Some((2, Deposited { cents: 2 })), Some((3, Deposited { cents: 4 }))];
    let skipped = history(UnknownEvents::Skip).await.expect("it passes over it");
    assert_eq!(skipped.events.iter().map(known).collect::<Vec<_>>(), two);
    assert_eq!(skipped.next, None, "that was all");
    let raw = history(UnknownEvents::Raw).await.expect("it takes it as it stands").events;
    assert_eq!(raw[..2].iter().map(known).collect::<Vec<_>>(), two);
    match &raw[2] {
        HistoryEvent::Unknown(event) => assert_eq!(event.event_type, "account.frozen"),
        HistoryEvent::Known(event) => panic!("nobody declares {event:?}"),
    }
}

#[tokio::test]
async fn as_it_really_was_at_a_time() {
    let bank = Bank::open();
    let day = |day: u8| format!("2020-01-0{day}T00:00:00Z").parse().expect("a timestamp");
    // An import, in which the third was noticed late.
    let imported = [(1, 1), (4, 2), (3, 4), (5, 8)].map(|(occurred, cents)| {
        let event = NewEvent::of(&Deposited { cents }).expect("it can be written");
        event.occurred_at(day(occurred))
    });
    let stream = StreamId::parse("account-ann").expect("a stream name");
    let append = Append::to(stream, ExpectedVersion::NoStream, imported.into());
    bank.memory.append(append).await.expect("it is new");

    for (at, cents, reached) in [(2, 1, 1), (3, 5, 3), (4, 7, 3), (5, 15, 4), (9, 15, 4)] {
        let loaded = bank.journal.load_at_occurred::<Account>(&ann(), day(at)).await;
        let loaded = loaded.expect("the account can be loaded");
        assert_eq!((loaded.state.cents, loaded.version), (cents, version(reached)), "day {at}");
    }
    let known_then = bank.journal.load_at_time::<Account>(&ann(), day(9)).await;
    assert_eq!(known_then.expect("it can be loaded").version, version(0), "nothing was recorded");
}
