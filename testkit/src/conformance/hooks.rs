//! I1, I4: what a hook does commits with the events, or nothing does.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use annals_core::store::{
    Append, AppendHook, CommandKey, LogQuery, Store, StoreError, TransactExt,
};
use annals_core::table::Value;
use annals_core::{ExpectedVersion, Position};

use super::Subject;
use super::samples::{
    append, assert_conflict, assert_in_order, before_hook, events, exact, hook, ids_of, log, put,
    read, refusing_hook, stream,
};
use super::tables::samples::{accounts, create, row};

/// Versions and positions are known in the hook, and the transaction reads its own events.
pub async fn a_hook_sees_the_events_with_their_positions(subject: Subject) {
    let store = &*subject.store;
    put(store, "account-1", 1).await;
    let seen = Arc::new(Mutex::new(Vec::new()));
    let mut batch =
        append("account-1", 2).and(stream("account-2"), ExpectedVersion::NoStream, events(1));
    batch.hooks = vec![hook({
        let seen = seen.clone();
        move |events, transaction| {
            let seen = seen.clone();
            Box::pin(async move {
                let page = transaction.read_log(&LogQuery::after(Position::new(1))).await?;
                assert_eq!(page.events, events, "the transaction reads its own events");
                assert_eq!(page.head, Position::new(4));
                *seen.lock().expect("no panic") = events;
                Ok(())
            })
        }
    })];

    store.append(batch.clone()).await.expect("the hook agrees");

    let seen = seen.lock().expect("no panic").clone();
    assert_eq!(super::samples::ids(&seen), ids_of(&batch));
    assert_eq!(seen, log(store).await[1..], "it saw what is stored");
}

/// Both are there after the append, from several hooks.
pub async fn rows_and_events_commit_together(subject: Subject) {
    let store = &*subject.store;
    store
        .transact_with(|transaction| {
            Box::pin(async { transaction.create_table(&accounts()).await })
        })
        .await
        .expect("a table can be made");
    let mut batch = append("account-1", 1);
    for n in 1..=2 {
        batch.hooks.push(hook(move |events, transaction| {
            Box::pin(async move {
                transaction.upsert_rows(&accounts(), &[row(n, "ann")]).await?;
                transaction.set_checkpoint(&format!("c{n}"), events[0].position).await
            })
        }));
    }

    let appended = store.append(batch).await.expect("the hooks agree");

    assert_eq!(read(store, "account-1").await.len(), 1);
    let keys = [vec![Value::Integer(1)], vec![Value::Integer(2)]];
    assert_eq!(store.load_rows(&accounts(), &keys).await.expect("the table is there").len(), 2);
    let checkpoint = store.checkpoint("c2").await.expect("checkpoints can be read");
    assert_eq!(checkpoint, Some(appended.position));
}

/// Events, rows, checkpoint and the command's record: all undone, and no position is used up.
pub async fn an_error_of_a_hook_undoes_the_append(subject: Subject) {
    let store = &*subject.store;
    let key = CommandKey::new("k").expect("a short key");
    let mut batch = append("account-1", 3).with_command(key.clone());
    batch.hooks = vec![
        hook(|_, transaction| {
            Box::pin(async move {
                transaction.create_table(&accounts()).await?;
                transaction.upsert_rows(&accounts(), &[row(1, "ann")]).await?;
                transaction.set_checkpoint("c", Position::new(1)).await?;
                transaction.put_state("s", "on").await
            })
        }),
        refusing_hook(),
    ];

    let refused = store.append(batch.clone()).await;

    assert!(matches!(refused, Err(StoreError::Refused { .. })), "{refused:?}");
    assert!(log(store).await.is_empty());
    let rows = store.load_rows(&accounts(), &[vec![Value::Integer(1)]]).await;
    assert!(matches!(rows, Err(StoreError::NoSuchTable { .. })), "{rows:?}");
    assert_eq!(store.checkpoint("c").await.expect("checkpoints can be read"), None);
    assert_eq!(store.state("s").await.expect("states can be read"), None);
    assert_eq!(store.command(&key).await.expect("commands can be read"), None);
    batch.hooks.clear();
    let appended = store.append(batch).await.expect("the ids are free");
    assert_eq!((appended.position.get(), appended.repeated), (3, false));
    assert_in_order(store).await;
}

/// Whoever drops the future while a hook runs finds events and rows, or neither.
pub async fn an_append_dropped_in_its_hook_is_whole_or_absent(subject: Subject) {
    let store = &*subject.store;
    create(store, &accounts()).await;
    for n in 0..10 {
        let name = format!("account-{n}");
        let mut batch = append(&name, 2);
        batch.hooks = vec![hook(move |_, transaction| {
            Box::pin(async move {
                transaction.upsert_rows(&accounts(), &[row(n, "ann")]).await?;
                tokio::task::yield_now().await;
                transaction.upsert_rows(&accounts(), &[row(n, "bob")]).await
            })
        })];
        // Polls as far as the hook's pause, then drops.
        let _ = tokio::time::timeout(Duration::ZERO, store.append(batch)).await;
        // A store may still be at it; what comes later waits behind it.
        put(store, "later-1", 1).await;
        let rows = store.load_rows(&accounts(), &[vec![Value::Integer(n)]]).await;
        let rows = rows.expect("the table is there");
        match read(store, &name).await.len() {
            0 => assert!(rows.is_empty(), "rows without events: {rows:?}"),
            2 => assert_eq!(rows, [row(n, "bob")]),
            some => panic!("{some} of 2 events are there"),
        }
    }
    assert_in_order(store).await;
}

/// What writes nothing has nothing to run hooks for.
pub async fn hooks_do_not_run_for_conflicts_and_repetitions(subject: Subject) {
    let store = &*subject.store;
    let runs = Arc::new(AtomicUsize::new(0));
    let counting = hook({
        let runs = runs.clone();
        move |_, _| {
            runs.fetch_add(1, Ordering::SeqCst);
            Box::pin(async { Ok(()) })
        }
    });
    let mut first = Append::to(stream("account-1"), ExpectedVersion::NoStream, events(1));
    first.hooks = vec![counting.clone()];
    store.append(first.clone()).await.expect("the stream is new");
    assert_eq!(runs.load(Ordering::SeqCst), 1);

    assert!(store.append(first).await.expect("a repetition is no conflict").repeated);
    let mut late = Append::to(stream("account-1"), ExpectedVersion::NoStream, events(1));
    late.hooks = vec![counting];
    assert!(store.append(late).await.is_err());

    assert_eq!(runs.load(Ordering::SeqCst), 1);
}

/// Appends that wait together may share a transaction; a hook's error takes only its own away.
pub async fn a_refused_append_does_not_hurt_its_neighbours(subject: Subject) {
    let writers: Vec<_> = (0..32)
        .map(|n| {
            let store = subject.store.clone();
            let refused = n % 4 == 0;
            let mut batch = append(&format!("account-{n}"), 2);
            if refused {
                batch.hooks = vec![refusing_hook()];
            }
            tokio::spawn(async move { (refused, store.append(batch).await) })
        })
        .collect();
    for writer in writers {
        let (refused, result) = writer.await.expect("no panic");
        assert_eq!(result.is_err(), refused, "{result:?}");
    }
    assert_eq!(log(&*subject.store).await.len(), 24 * 2);
    assert_in_order(&*subject.store).await;
}

/// An append is not acknowledged when its hook keeps a failure to itself: the events are gone, or would
/// be on some database.
pub async fn a_hook_that_ignores_a_failure_undoes_the_append(subject: Subject) {
    let store = &*subject.store;
    create(store, &accounts()).await;
    let mut batch = append("account-1", 2);
    batch.hooks = vec![hook(|_, transaction| {
        Box::pin(async move {
            transaction.upsert_rows(&accounts(), &[row(1, "ann")]).await?;
            let missing = accounts().named("nowhere");
            let failed = transaction.upsert_rows(&missing, &[row(1, "ann")]).await;
            assert!(failed.is_err(), "there is no such table");
            Ok(())
        })
    })];

    let refused = store.append(batch.clone()).await;

    assert!(matches!(refused, Err(StoreError::TransactionOver { .. })), "{refused:?}");
    assert!(log(store).await.is_empty());
    let rows = store.load_rows(&accounts(), &[vec![Value::Integer(1)]]).await;
    assert!(rows.expect("the table is there").is_empty());
    batch.hooks.clear();
    let appended = store.append(batch).await.expect("the ids are free");
    assert_eq!((appended.position.get(), appended.repeated), (2, false));
    assert_in_order(store).await;
}

/// It would wait for the append that it belongs to. The append goes on without it.
pub async fn a_hook_cannot_append_to_its_store(subject: Subject) {
    let inner = subject.store.clone();
    let mut batch = append("account-1", 1);
    batch.hooks.push(hook(move |_, transaction| {
        let store = inner.clone();
        Box::pin(async move {
            let refused = store.append(append("account-2", 1)).await;
            let message = refused.expect_err("it is called from inside").to_string();
            assert!(message.contains("wait for its own transaction"), "{message}");
            tokio::time::sleep(Duration::from_millis(1)).await;
            transaction.put_state("s", "on").await
        })
    }));
    subject.store.append(batch).await.expect("the hook agrees");
    put(&*subject.store, "account-2", 1).await;
    assert_in_order(&*subject.store).await;
}

/// It sees the log as it was, and what it writes is there for those that come after the append.
pub async fn before_comes_before_the_append(subject: Subject) {
    let store = &*subject.store;
    create(store, &accounts()).await;
    put(store, "account-1", 1).await;
    let mut batch = append("account-1", 1);
    batch.hooks = vec![
        hook(|events, transaction| {
            Box::pin(async move {
                let rows = transaction.load_rows(&accounts(), &[vec![Value::Integer(1)]]).await?;
                assert_eq!((events.len(), rows), (1, vec![row(1, "ann")]));
                Ok(())
            })
        }),
        before_hook(|transaction| {
            Box::pin(async move {
                let page = transaction.read_log(&LogQuery::after(Position::START)).await?;
                assert_eq!(page.events.len(), 1, "nothing is appended yet");
                transaction.upsert_rows(&accounts(), &[row(1, "ann")]).await
            })
        }),
    ];
    store.append(batch).await.expect("the hooks agree");
    assert!(has_row(store).await);
    assert_eq!(log(store).await.len(), 2);
}

/// Nothing was appended, so nothing of it stays: with a conflict, and with a repetition.
pub async fn before_is_undone_when_nothing_is_appended(subject: Subject) {
    let store = &*subject.store;
    create(store, &accounts()).await;
    let first = Append::to(stream("account-1"), ExpectedVersion::NoStream, events(1));
    store.append(first.clone()).await.expect("the stream is new");
    let hooked = |append: Append| Append { hooks: vec![row_before()], ..append };

    let again = store.append(hooked(first)).await.expect("a repetition is no conflict");
    assert!(again.repeated && !has_row(store).await);

    let late = Append::to(stream("account-1"), ExpectedVersion::NoStream, events(1));
    let told = store.append(hooked(late)).await;
    assert_conflict(told, "account-1", ExpectedVersion::NoStream, 1);
    assert!(!has_row(store).await);

    let key = || CommandKey::new("k").expect("a short key");
    store.append(append("account-2", 1).with_command(key())).await.expect("the key is new");
    let again = store.append(hooked(append("account-2", 1).with_command(key()))).await;
    assert!(again.expect("it is the same command").repeated && !has_row(store).await);
    assert_eq!(log(store).await.len(), 2);
}

/// Said, or kept to itself: nothing is appended.
pub async fn an_error_before_undoes_the_append(subject: Subject) {
    let store = &*subject.store;
    create(store, &accounts()).await;
    let mut batch = append("account-1", 1);
    batch.hooks = vec![row_before(), refusing_before()];
    let told = store.append(batch.clone()).await;
    assert!(matches!(told, Err(StoreError::Refused { .. })), "{told:?}");
    batch.hooks = vec![
        row_before(),
        before_hook(|transaction| {
            Box::pin(async move {
                let missing = accounts().named("nowhere");
                let failed = transaction.upsert_rows(&missing, &[row(1, "ann")]).await;
                assert!(failed.is_err(), "there is no such table");
                Ok(())
            })
        }),
    ];
    let told = store.append(batch).await;
    assert!(matches!(told, Err(StoreError::TransactionOver { .. })), "{told:?}");
    assert!(log(store).await.is_empty() && !has_row(store).await);
}

/// There is nothing to append, and what comes before is done all the same.
pub async fn an_append_of_hooks_only(subject: Subject) {
    let store = &*subject.store;
    create(store, &accounts()).await;
    put(store, "account-1", 2).await;
    let ran = hook(|_, _| Box::pin(async { panic!("there are no events to run for") }));
    let only = Append { hooks: vec![row_before(), ran.clone()], ..Append::default() };
    let appended = store.append(only).await.expect("the hook agrees");
    assert_eq!((appended.position, appended.streams.len()), (Position::START, 0));
    assert!(has_row(store).await && !appended.repeated);
    // A stream that is only checked.
    let mut checked = Append::to(stream("account-1"), exact(2), Vec::new());
    checked.hooks = vec![ran];
    let appended = store.append(checked.clone()).await.expect("the stream is there");
    assert_eq!((appended.position, appended.streams[0].after.get()), (Position::new(2), 2));
    checked.streams[0].expected = exact(1);
    assert_conflict(store.append(checked).await, "account-1", exact(1), 2);
    let refused = Append { hooks: vec![row_before(), refusing_before()], ..Append::default() };
    let told = store.append(refused).await;
    assert!(matches!(told, Err(StoreError::Refused { .. })), "{told:?}");
    assert_eq!(log(store).await.len(), 2);
}

fn row_before() -> Arc<dyn AppendHook> {
    before_hook(|transaction| {
        Box::pin(async move { transaction.upsert_rows(&accounts(), &[row(1, "ann")]).await })
    })
}

fn refusing_before() -> Arc<dyn AppendHook> {
    before_hook(|_| Box::pin(async { Err(StoreError::refused("the hook says no")) }))
}

async fn has_row(store: &dyn Store) -> bool {
    let rows = store.load_rows(&accounts(), &[vec![Value::Integer(1)]]).await;
    !rows.expect("the table is there").is_empty()
}
