//! I1, I4: an append inside a transaction, last before its commit.

use std::time::{Duration, Instant};

use annals_core::store::{
    Advance, Append, Appended, CommandKey, LogQuery, Store, StoreError, TransactExt, Transaction,
};
use annals_core::table::Value;
use annals_core::{ExpectedVersion, Position};

use super::Subject;
use super::samples::{
    HookFuture, append, assert_conflict, assert_in_order, assert_invalid, before_hook, events,
    exact, hook, ids, ids_of, log, put, read, refusing_hook, stream,
};
use super::tables::samples::{accounts, create, row};

/// Long enough that only a hint ends the waiting.
const LONG: Duration = Duration::from_secs(30);

/// Writes a row, and appends behind it.
async fn with_a_row(store: &dyn Store, n: i64, append: Append) -> Result<Appended, StoreError> {
    store
        .transact_with(move |transaction| {
            let append = append.clone();
            Box::pin(async move {
                transaction.upsert_rows(&accounts(), &[row(n, "ann")]).await?;
                transaction.append(&append).await
            })
        })
        .await
}

async fn has_row(store: &dyn Store, n: i64) -> bool {
    let rows = store.load_rows(&accounts(), &[vec![Value::Integer(n)]]).await;
    !rows.expect("the table is there").is_empty()
}

/// With their positions, behind what was appended before; and later appends come behind them.
pub async fn rows_and_events_commit_together(subject: Subject) {
    let store = &*subject.store;
    create(store, &accounts()).await;
    put(store, "account-1", 2).await;
    let batch = Append::to(stream("account-1"), exact(2), events(2)).and(
        stream("account-2"),
        ExpectedVersion::NoStream,
        events(1),
    );

    let appended = with_a_row(store, 1, batch.clone()).await.expect("all fits");

    assert_eq!((appended.position.get(), appended.repeated), (5, false));
    assert!(has_row(store, 1).await);
    assert_eq!(ids(&log(store).await)[2..], ids_of(&batch));
    for (name, version) in [("account-1", 4), ("account-2", 1)] {
        let next = Append::to(stream(name), exact(version), events(1));
        store.append(next).await.expect("the stream's end is known");
    }
    let again = Append::to(stream("account-1"), exact(5), events(1));
    with_a_row(store, 2, again).await.expect("the stream's end is known");
    assert_in_order(store).await;
}

/// The log is as before, no position is used up, and the ids are free.
pub async fn a_rolled_back_append_leaves_nothing(subject: Subject) {
    let store = &*subject.store;
    put(store, "account-1", 1).await;
    let batch = append("account-1", 3).with_command(CommandKey::new("k").expect("a short key"));
    let failing = batch.clone();
    let failed = store.transact_with(move |transaction| {
        let batch = failing.clone();
        Box::pin(async move {
            transaction.put_state("s", "on").await?;
            transaction.append(&batch).await?;
            Err::<(), _>(StoreError::refused("no"))
        })
    });
    assert!(matches!(failed.await, Err(StoreError::Refused { .. })));

    assert_eq!(log(store).await.len(), 1);
    assert_eq!(store.state("s").await.expect("states can be read"), None);
    let key = CommandKey::new("k").expect("a short key");
    assert_eq!(store.command(&key).await.expect("commands can be read"), None);
    let next = Append::to(stream("account-1"), exact(1), events(1));
    store.append(next).await.expect("the stream is as it was");
    let appended = store.append(batch).await.expect("the ids are free");
    assert_eq!((appended.position.get(), appended.repeated), (5, false));
    assert_in_order(store).await;
}

/// As everywhere, it comes back with its facts, and nothing of the transaction is written.
pub async fn a_conflict_ends_the_transaction(subject: Subject) {
    let store = &*subject.store;
    create(store, &accounts()).await;
    put(store, "account-1", 2).await;
    let late = Append::to(stream("account-1"), exact(1), events(1));
    let told = with_a_row(store, 1, late.clone()).await;
    assert_conflict(told, "account-1", exact(1), 2);
    let ignored = store.transact_with(move |transaction| {
        let late = late.clone();
        Box::pin(async move {
            transaction.upsert_rows(&accounts(), &[row(1, "ann")]).await?;
            assert!(transaction.append(&late).await.is_err(), "it is late");
            Ok(())
        })
    });
    let refused = ignored.await;
    assert!(matches!(refused, Err(StoreError::TransactionOver { .. })), "{refused:?}");
    assert!(!has_row(store, 1).await);
    assert_eq!(log(store).await.len(), 2);
}

/// The log is locked from there to the commit.
pub async fn nothing_comes_after_an_append(subject: Subject) {
    let store = &*subject.store;
    assert_invalid(followed_by(store, |late| late.put_state("s", "on")).await);
    assert_invalid(followed_by(store, |late| late.set_checkpoint("c", Position::START)).await);
    let read = followed_by(store, |late| {
        Box::pin(async { late.read_log(&LogQuery::after(Position::START)).await.map(drop) })
    });
    assert_invalid(read.await);
    let another = followed_by(store, |late| {
        Box::pin(async { late.append(&append("account-2", 1)).await.map(drop) })
    });
    assert_invalid(another.await);
    assert!(log(store).await.is_empty(), "the transaction was over");
}

/// Appends, and goes on.
async fn followed_by(
    store: &dyn Store,
    late: fn(&mut dyn Transaction) -> HookFuture<'_>,
) -> Result<(), StoreError> {
    store
        .transact_with(move |transaction| {
            Box::pin(async move {
                transaction.append(&append("account-1", 1)).await?;
                late(transaction).await
            })
        })
        .await
}

/// They see what the transaction has written, the events, and each other's work.
pub async fn its_hooks_run_inside(subject: Subject) {
    let store = &*subject.store;
    create(store, &accounts()).await;
    let mut batch = append("account-1", 2);
    batch.hooks = vec![
        before_hook(|transaction| {
            Box::pin(async move {
                let rows = transaction.load_rows(&accounts(), &[vec![Value::Integer(1)]]).await?;
                assert_eq!(rows, [row(1, "ann")], "the transaction sees its own rows");
                transaction.upsert_rows(&accounts(), &[row(2, "bob")]).await
            })
        }),
        hook(|events, transaction| {
            Box::pin(async move {
                let page = transaction.read_log(&LogQuery::after(Position::START)).await?;
                assert_eq!(page.events, events, "the transaction reads its own events");
                let rows = transaction.load_rows(&accounts(), &[vec![Value::Integer(2)]]).await?;
                assert_eq!(rows, [row(2, "bob")]);
                transaction.upsert_rows(&accounts(), &[row(3, "eve")]).await
            })
        }),
    ];
    with_a_row(store, 1, batch).await.expect("the hooks agree");
    for n in 1..=3 {
        assert!(has_row(store, n).await, "row {n}");
    }
    let mut refused = append("account-1", 1);
    refused.hooks = vec![refusing_hook()];
    let told = with_a_row(store, 4, refused).await;
    assert!(matches!(told, Err(StoreError::Refused { .. })), "{told:?}");
    assert!(!has_row(store, 4).await);
    assert_eq!(log(store).await.len(), 2);
}

/// A hook is part of an append, and cannot make another.
pub async fn a_hook_cannot_append(subject: Subject) {
    let store = &*subject.store;
    let mut batch = append("account-1", 1);
    batch.hooks = vec![hook(|_, transaction| {
        Box::pin(async move { transaction.append(&append("account-2", 1)).await.map(drop) })
    })];
    assert_invalid(store.append(batch.clone()).await);
    batch.hooks = vec![before_hook(|transaction| {
        Box::pin(async move { transaction.append(&append("account-2", 1)).await.map(drop) })
    })];
    assert_invalid(store.append(batch).await);
    assert!(log(store).await.is_empty());
}

/// The first result comes back, and what else the transaction did is written.
pub async fn a_repetition_returns_the_first_result(subject: Subject) {
    let store = &*subject.store;
    create(store, &accounts()).await;
    let batch = Append::to(stream("account-1"), ExpectedVersion::NoStream, events(2));
    let first = with_a_row(store, 1, batch.clone()).await.expect("the stream is new");
    put(store, "account-1", 1).await;
    let again = with_a_row(store, 2, batch.clone()).await.expect("it is the same append");
    assert_eq!(again, Appended { repeated: true, ..first });
    assert!(has_row(store, 2).await);
    // Whichever way it comes again.
    assert!(store.append(batch).await.expect("it is the same append").repeated);
    let mut other = append("account-2", 1);
    other.streams[0].events[0].id = log(store).await[0].id;
    let told = with_a_row(store, 3, other).await;
    assert!(matches!(told, Err(StoreError::DuplicateEvent { .. })), "{told:?}");
    assert!(!has_row(store, 3).await);
    assert_eq!(log(store).await.len(), 3);
}

/// Nothing was appended, so nothing of its hooks stays; the rest of the transaction does.
pub async fn a_repetition_takes_back_what_came_before(subject: Subject) {
    let store = &*subject.store;
    create(store, &accounts()).await;
    let mut batch = Append::to(stream("account-1"), ExpectedVersion::NoStream, events(2));
    with_a_row(store, 1, batch.clone()).await.expect("the stream is new");
    batch.hooks = vec![before_hook(|transaction| {
        Box::pin(async move {
            transaction.set_checkpoint("c", Position::new(7)).await?;
            transaction.upsert_rows(&accounts(), &[row(3, "bob")]).await
        })
    })];
    let again = with_a_row(store, 2, batch).await.expect("it is the same append");
    assert!(again.repeated && has_row(store, 2).await && !has_row(store, 3).await);
    assert_eq!(store.checkpoint("c").await.expect("checkpoints can be read"), None);
}

/// Recorded with its append, and has its effect once.
pub async fn a_command_has_one_effect(subject: Subject) {
    let store = &*subject.store;
    create(store, &accounts()).await;
    let key = CommandKey::new("k").expect("a short key");
    let command = || append("account-1", 1).with_command(key.clone());
    let first = with_a_row(store, 1, command()).await.expect("the key is new");
    let again = with_a_row(store, 2, command()).await.expect("it is the same command");
    assert_eq!(again, Appended { repeated: true, ..first });
    let record = store.command(&key).await.expect("commands can be read");
    assert_eq!(record.expect("it is recorded").position, Position::new(1));
    let told = with_a_row(store, 3, append("account-2", 1).with_command(key)).await;
    assert!(matches!(told, Err(StoreError::KeyReused { .. })), "{told:?}");
    assert_eq!(log(store).await.len(), 1);
}

/// The checkpoint of the input and what was made of it: one without the other never stands.
pub async fn an_append_and_a_step_are_one(subject: Subject) {
    let store = &*subject.store;
    let fence = store.transact_with(|transaction| transaction.fence_checkpoint("c"));
    let token = fence.await.expect("a checkpoint can be taken over").token;
    let react = async |from: u64| {
        let (from, to) = (Position::new(from), Position::new(from + 1));
        let step = Advance { name: "c".to_owned(), token, from, to };
        store
            .transact_with(move |transaction| {
                let step = step.clone();
                Box::pin(async move {
                    transaction.advance_checkpoint(&step).await?;
                    transaction.append(&append("account-1", 1)).await
                })
            })
            .await
    };
    react(0).await.expect("it stands there");
    let refused = react(0).await;
    assert!(matches!(refused, Err(StoreError::Fenced { .. })), "{refused:?}");
    assert_eq!(log(store).await.len(), 1);
    react(1).await.expect("it stands there");
    assert_eq!(log(store).await.len(), 2);
    let at = store.checkpoint("c").await.expect("checkpoints can be read");
    assert_eq!(at, Some(Position::new(2)));
}

/// Among appends of all kinds, from both handles where there are two.
pub async fn eight_transactions_beside_eight_writers(subject: Subject) {
    create(&*subject.store, &accounts()).await;
    let other = subject.second_handle().await.unwrap_or_else(|| subject.store.clone());
    let workers: Vec<_> = (0..16_i64)
        .map(|n| {
            let store = if n % 4 < 2 { subject.store.clone() } else { other.clone() };
            tokio::spawn(async move {
                for round in 0..5 {
                    if n % 2 == 0 {
                        with_a_row(&*store, n * 10 + round, append("account-1", 2)).await?;
                    } else {
                        store.append(append("account-1", 1)).await?;
                    }
                }
                Ok::<_, StoreError>(())
            })
        })
        .collect();
    for worker in workers {
        worker.await.expect("no panic").expect("nothing is expected of the stream");
    }
    assert_eq!(read(&*subject.store, "account-1").await.len(), 8 * 5 * 3);
    assert_in_order(&*other).await;
}

/// As any append does.
pub async fn it_wakes(subject: Subject) {
    let mut wakeups = subject.store.wakeups();
    let waiting = tokio::spawn(async move {
        let began = Instant::now();
        wakeups.beyond(Position::START, LONG).await;
        began.elapsed()
    });
    let appended = subject.store.transact_with(|transaction| {
        Box::pin(async { transaction.append(&append("account-1", 1)).await })
    });
    appended.await.expect("nothing is expected of the stream");
    assert!(waiting.await.expect("no panic") < LONG, "the hint came");
}
