//! The same command twice has one effect.

use std::time::Duration;

use annals_core::store::{
    Append, Appended, CommandKey, CommandOutcome, CommandRecord, KeyDifference, KeyedCommand,
    Store, StoreError,
};
use annals_core::{Clock, ExpectedVersion, Fingerprint};

use super::Subject;
use super::samples::{
    append, assert_conflict, events, exact, log, put, read, refusing_hook, stream,
};

fn key(text: &str) -> CommandKey {
    CommandKey::new(text).expect("the suite's keys are short")
}

async fn record(store: &dyn Store, text: &str) -> Option<CommandRecord> {
    store.command(&key(text)).await.expect("a record can be read")
}

/// The record tells where the events are.
pub async fn a_command_is_recorded_with_its_append(subject: Subject) {
    let store = &*subject.store;
    assert_eq!(record(store, "k").await, None);
    put(store, "account-1", 2).await;
    let command = Append::to(stream("account-1"), exact(2), events(3)).with_command(key("k"));

    let appended = store.append(command).await.expect("the version is known");

    let record = record(store, "k").await.expect("the command is recorded");
    assert_eq!(record.stream, stream("account-1"));
    assert_eq!((record.before.get(), record.after.get(), record.position.get()), (2, 5, 5));
    assert_eq!(record.recorded_at, appended.recorded_at);
    assert_eq!(Appended::from(record), Appended { repeated: true, ..appended });
}

/// Decided again, its events have new ids; the key alone tells that it has been done.
pub async fn the_same_command_has_one_effect(subject: Subject) {
    let store = &*subject.store;
    let decided = || Append::to(stream("account-1"), exact(0), events(2)).with_command(key("k"));
    let first = store.append(decided()).await.expect("the stream is new");
    put(store, "account-1", 1).await;
    subject.clock.advance(Duration::from_secs(5));

    let second = store.append(decided()).await.expect("a repetition is no conflict");

    assert_eq!(second, Appended { repeated: true, ..first });
    assert_eq!(read(store, "account-1").await.len(), 3);
}

/// Deciding that nothing is to be done is done once too, and keeps its expectation.
pub async fn a_command_without_events_is_recorded(subject: Subject) {
    let store = &*subject.store;
    put(store, "account-1", 2).await;
    put(store, "account-2", 1).await;
    let nothing = |expected, text| {
        Append::to(stream("account-1"), expected, Vec::new()).with_command(key(text))
    };
    assert_conflict(store.append(nothing(exact(1), "k")).await, "account-1", exact(1), 2);
    assert_eq!(record(store, "k").await, None);

    let appended = store.append(nothing(exact(2), "k")).await.expect("the version is known");

    assert_eq!(appended.position.get(), 2, "where the stream stood");
    assert_eq!((appended.streams[0].before.get(), appended.streams[0].after.get()), (2, 2));
    put(store, "account-1", 1).await;
    let again = store.append(nothing(exact(3), "k")).await.expect("it is recorded");
    assert_eq!(again, Appended { repeated: true, ..appended });
    assert_eq!(log(store).await.len(), 4);
}

/// A key that comes with another stream is a mistake, and it is said.
pub async fn a_key_belongs_to_one_stream(subject: Subject) {
    let store = &*subject.store;
    store.append(append("account-1", 1).with_command(key("k"))).await.expect("the key is new");
    match store.append(append("account-2", 1).with_command(key("k"))).await {
        Err(StoreError::KeyReused { key, first, differs: KeyDifference::Stream }) => {
            assert_eq!((key.as_str(), first), ("k", stream("account-1")));
        }
        other => panic!("the key is account-1's, and the append was answered {other:?}"),
    }
    assert!(read(store, "account-2").await.is_empty());
    store.append(append("account-2", 1).with_command(key("l"))).await.expect("the key is new");
}

/// A key that comes with another command on its stream is a mistake as well, however the append
/// is made: one event, several, or none.
pub async fn a_key_belongs_to_one_command(subject: Subject) {
    let store = &*subject.store;
    for (name, count) in [("account-0", 0), ("account-1", 1), ("account-2", 2)] {
        let of = |fingerprint| {
            let command = KeyedCommand { fingerprint, ..key(name).into() };
            Append::to(stream(name), ExpectedVersion::Any, events(count)).with_command(command)
        };
        let (deposit, withdraw) = (Fingerprint::of("deposit"), Fingerprint::of("withdraw"));
        let first = store.append(of(Some(deposit))).await.expect("the key is new");
        assert_eq!(record(store, name).await.expect("it is recorded").fingerprint, Some(deposit));

        match store.append(of(Some(withdraw))).await {
            Err(error @ StoreError::KeyReused { differs: KeyDifference::Command, .. }) => {
                assert!(error.to_string().contains("another command"), "{error}");
            }
            other => panic!("the key is a deposit's, and the append was answered {other:?}"),
        }
        // The same again, and one that does not say what it is.
        for fingerprint in [Some(deposit), None] {
            let again = store.append(of(fingerprint)).await.expect("a repetition is no mistake");
            assert_eq!(again, Appended { repeated: true, ..first.clone() });
        }
        assert_eq!(read(store, name).await.len(), count);
    }
}

/// A refusal that is to be remembered is kept under its key, and the key is never executed.
pub async fn a_refusal_is_recorded(subject: Subject) {
    let store = &*subject.store;
    put(store, "account-1", 2).await;
    let command = |outcome| KeyedCommand {
        fingerprint: Some(Fingerprint::of("withdraw")),
        outcome,
        ..key("k").into()
    };
    let words = "only 0 'cents' are left";
    let refused = |expected| {
        let command = command(CommandOutcome::refused(&words));
        Append::to(stream("account-1"), expected, Vec::new()).with_command(command)
    };
    assert_conflict(store.append(refused(exact(1))).await, "account-1", exact(1), 2);
    assert_eq!(record(store, "k").await, None);

    let first = store.append(refused(exact(2))).await.expect("the version is known");

    let recorded = record(store, "k").await.expect("it is recorded");
    assert_eq!(recorded.outcome, CommandOutcome::Refused(words.to_owned()));
    let again = store.append(refused(exact(2))).await.expect("a repetition is no mistake");
    assert_eq!(again, Appended { repeated: true, ..first });
    let execute = append("account-1", 1).with_command(command(CommandOutcome::Executed));
    match store.append(execute.clone()).await {
        Err(StoreError::RefusedBefore { key, refusal }) => {
            assert_eq!((key.as_str(), refusal.as_str()), ("k", words));
        }
        other => panic!("it was refused before, and the append was answered {other:?}"),
    }
    assert_eq!(read(store, "account-1").await.len(), 2);

    let Some(subject) = subject.reopen().await else { return };
    let again = subject.store.append(execute).await;
    assert!(matches!(again, Err(StoreError::RefusedBefore { .. })), "{again:?}");
}

/// Only what happened is remembered: a conflict or a refusal may be tried again.
pub async fn what_fails_is_not_recorded(subject: Subject) {
    let store = &*subject.store;
    put(store, "account-1", 1).await;
    let late = Append::to(stream("account-1"), ExpectedVersion::NoStream, events(1));
    assert!(store.append(late.with_command(key("k"))).await.is_err());
    let mut refused = append("account-1", 1).with_command(key("k"));
    refused.hooks = vec![refusing_hook()];
    assert!(store.append(refused).await.is_err());
    assert_eq!(record(store, "k").await, None);
    let again = store.append(append("account-1", 1).with_command(key("k"))).await;
    assert!(!again.expect("the key is free").repeated);
}

/// Each with events of its own; one of them happens, and all hear of that one.
pub async fn eight_at_once_have_one_effect(subject: Subject) {
    let senders: Vec<_> = (0..8)
        .map(|_| {
            let store = subject.store.clone();
            let command = Append::to(stream("account-1"), exact(0), events(2));
            let command = command.with_command(key("k"));
            tokio::spawn(async move { store.append(command).await })
        })
        .collect();
    let mut results = Vec::new();
    for sender in senders {
        results.push(sender.await.expect("no panic").expect("a repetition is no conflict"));
    }
    assert_eq!(results.iter().filter(|appended| !appended.repeated).count(), 1);
    assert!(results.iter().all(|appended| appended.position.get() == 2));
    assert_eq!(log(&*subject.store).await.len(), 2);
}

/// Those before a time, and no others.
pub async fn old_records_are_forgotten(subject: Subject) {
    let store = &*subject.store;
    let mut times = Vec::new();
    for n in 0..3 {
        times.push(subject.clock.now());
        let command = append("account-1", 1).with_command(key(&format!("k{n}")));
        store.append(command).await.expect("the key is new");
        subject.clock.advance(Duration::from_secs(60));
    }
    let forget = |before| async move {
        store.forget_commands(before).await.expect("records can be forgotten")
    };
    assert_eq!(forget(times[0]).await, 0, "a record at that very time stays");
    assert_eq!(forget(times[2]).await, 2);
    assert_eq!(forget(times[2]).await, 0);
    assert_eq!(record(store, "k0").await, None);
    assert_eq!(record(store, "k1").await, None);
    assert!(record(store, "k2").await.is_some());
    let again = store.append(append("account-2", 1).with_command(key("k0"))).await;
    assert!(!again.expect("a forgotten key is free").repeated);
    assert_eq!(log(store).await.len(), 4, "forgetting removes no event");
}

/// A restart does not make a command happen twice.
pub async fn a_record_survives_reopening(subject: Subject) {
    let command = append("account-1", 2).with_command(key("k"));
    let first = subject.store.append(command).await.expect("the key is new");

    let Some(subject) = subject.reopen().await else { return };

    let again = append("account-1", 2).with_command(key("k"));
    let second = subject.store.append(again).await.expect("a repetition is no conflict");
    assert_eq!(second, Appended { repeated: true, ..first });
    assert_eq!(log(&*subject.store).await.len(), 2);
}

/// More than one statement should remove, so in portions, and none is left.
pub async fn thousands_of_records_are_forgotten(subject: Subject) {
    const RECORDS: u64 = 4_100;
    let store = &*subject.store;
    let commands = (0..RECORDS).map(|n| {
        let key = CommandKey::new(format!("k{n}")).expect("a short key");
        append(&format!("account-{n}"), 1).with_command(key)
    });
    let results = store.append_bulk(commands.collect()).await;
    assert!(results.iter().all(Result::is_ok));
    subject.clock.advance(Duration::from_secs(60));
    let kept = CommandKey::new("kept").expect("a short key");
    store.append(append("a-1", 1).with_command(kept.clone())).await.expect("the key is new");
    let before = subject.clock.now();
    assert_eq!(store.forget_commands(before).await.expect("they can be removed"), RECORDS);
    assert_eq!(store.forget_commands(before).await.expect("there are none left"), 0);
    assert!(store.command(&kept).await.expect("a record can be read").is_some());
}
