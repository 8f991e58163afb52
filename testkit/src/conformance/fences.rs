//! I5: whoever has taken a checkpoint over is the only one who moves it on.

use std::sync::Arc;
use std::time::Duration;

use annals_core::Position;
use annals_core::store::{Advance, Fence, Store, StoreError, TransactExt};
use annals_core::table::Value;
use tokio::sync::Notify;

use super::Subject;
use super::tables::samples::{accounts, create, row};

const NAME: &str = "consumer/balances/1/1/0";

/// Takes the checkpoint over.
async fn fence(store: &dyn Store) -> Fence {
    let taken = store.transact_with(|transaction| transaction.fence_checkpoint(NAME));
    taken.await.expect("a checkpoint can be taken over")
}

async fn advance(store: &dyn Store, step: Advance) -> Result<(), StoreError> {
    store
        .transact_with(move |transaction| {
            let step = step.clone();
            Box::pin(async move { transaction.advance_checkpoint(&step).await })
        })
        .await
}

fn step(token: u64, from: u64, to: u64) -> Advance {
    let (from, to) = (Position::new(from), Position::new(to));
    Advance { name: NAME.to_owned(), token, from, to }
}

async fn position(store: &dyn Store) -> Option<u64> {
    store.checkpoint(NAME).await.expect("a checkpoint can be read").map(Position::get)
}

#[track_caller]
fn assert_fenced(refused: Result<(), StoreError>, step: &Advance) {
    match refused {
        Err(StoreError::Fenced { name, token, from }) => {
            assert_eq!((name, token, from), (step.name.clone(), step.token, step.from));
        }
        other => panic!("the step is refused, and was answered {other:?}"),
    }
}

/// From 1, where the checkpoint was never written; its position stays.
pub async fn a_token_grows_with_every_takeover(subject: Subject) {
    let store = &*subject.store;
    assert_eq!(fence(store).await, Fence { token: 1, position: Position::START });
    advance(store, step(1, 0, 7)).await.expect("it is the newest token");
    for token in 2..=4 {
        assert_eq!(fence(store).await, Fence { token, position: Position::new(7) });
    }
    assert_eq!(position(store).await, Some(7));
}

/// However long its owner was away; nothing of its transaction is written.
pub async fn an_old_token_is_refused(subject: Subject) {
    let store = &*subject.store;
    create(store, &accounts()).await;
    let old = fence(store).await;
    advance(store, step(old.token, 0, 3)).await.expect("it is the newest token");
    let new = fence(store).await;
    let late = step(old.token, 3, 5);

    assert_fenced(with_a_row(store, late.clone()).await, &late);

    assert_eq!((position(store).await, rows(store).await), (Some(3), 0));
    with_a_row(store, step(new.token, 3, 5)).await.expect("it is the newest token");
    assert_eq!((position(store).await, rows(store).await), (Some(5), 1));
}

/// What was made of other events than those that follow is not written.
pub async fn a_step_begins_where_the_checkpoint_stands(subject: Subject) {
    let store = &*subject.store;
    let token = fence(store).await.token;
    advance(store, step(token, 0, 3)).await.expect("it stands there");
    for wrong in [step(token, 0, 5), step(token, 2, 5), step(token, 4, 5)] {
        assert_fenced(advance(store, wrong.clone()).await, &wrong);
    }
    assert_eq!(position(store).await, Some(3));
}

/// Nobody has it, so nobody can move it.
pub async fn a_missing_checkpoint_is_not_moved(subject: Subject) {
    let store = &*subject.store;
    let first = step(0, 0, 1);
    assert_fenced(advance(store, first.clone()).await, &first);
    assert_eq!(position(store).await, None);
}

/// What is written without a token keeps the one that is there, 0 at first.
pub async fn a_plain_write_keeps_the_token(subject: Subject) {
    let store = &*subject.store;
    set(store, 4).await;
    advance(store, step(0, 4, 5)).await.expect("it was never taken over");
    let token = fence(store).await.token;
    set(store, 2).await;
    advance(store, step(token, 2, 6)).await.expect("it is the newest token");
    assert_eq!(position(store).await, Some(6));
}

/// A proof at the end of a transaction that has nothing to move.
pub async fn a_step_that_stays_proves_the_fence(subject: Subject) {
    let store = &*subject.store;
    create(store, &accounts()).await;
    let token = fence(store).await.token;
    with_a_row(store, step(token, 0, 0)).await.expect("nobody else has it");
    let late = step(token, 0, 0);
    fence(store).await;
    assert_fenced(advance(store, late.clone()).await, &late);
    assert_eq!((position(store).await, rows(store).await), (Some(0), 1));
}

/// Rows, state and the step commit at once, or nothing does.
pub async fn a_step_goes_with_its_transaction(subject: Subject) {
    let store = &*subject.store;
    let token = fence(store).await.token;
    let failed = store
        .transact_with(move |transaction| {
            Box::pin(async move {
                transaction.advance_checkpoint(&step(token, 0, 3)).await?;
                assert_eq!(transaction.checkpoint(NAME).await?, Some(Position::new(3)));
                transaction.put_state("s", "on").await?;
                Err::<(), _>(StoreError::refused("no"))
            })
        })
        .await;
    assert!(failed.is_err());
    assert_eq!(position(store).await, Some(0));
    // Each step begins where the one before has left off, and the token can change in between.
    let moved = store.transact_with(move |transaction| {
        Box::pin(async move {
            transaction.advance_checkpoint(&step(token, 0, 3)).await?;
            transaction.advance_checkpoint(&step(token, 3, 4)).await?;
            let fence = transaction.fence_checkpoint(NAME).await?;
            transaction.advance_checkpoint(&step(fence.token, 4, 9)).await?;
            Ok(fence)
        })
    });
    let fence = moved.await.expect("all steps fit");
    assert_eq!(fence, Fence { token: token + 1, position: Position::new(4) });
    assert_eq!(position(store).await, Some(9));
}

/// A checkpoint of the same name is another one, and its tokens begin anew.
pub async fn a_removed_checkpoint_forgets_its_tokens(subject: Subject) {
    let store = &*subject.store;
    fence(store).await;
    fence(store).await;
    let removed = store.transact_with(|transaction| transaction.remove_checkpoint(NAME));
    removed.await.expect("a checkpoint can be removed");
    assert_eq!(fence(store).await, Fence { token: 1, position: Position::START });
}

/// As durable as the position.
pub async fn tokens_grow_across_reopening(subject: Subject) {
    let token = fence(&*subject.store).await.token;
    advance(&*subject.store, step(token, 0, 3)).await.expect("it is the newest token");
    let Some(subject) = subject.reopen().await else { return };
    let store = &*subject.store;
    advance(store, step(token, 3, 4)).await.expect("it is still the newest token");
    assert_eq!(fence(store).await, Fence { token: token + 1, position: Position::new(4) });
    assert_fenced(advance(store, step(token, 4, 5)).await, &step(token, 4, 5));
}

/// The same step from both handles: one of them makes it, each time.
pub async fn of_two_handles_one_makes_the_step(subject: Subject) {
    let Some(other) = subject.second_handle().await else { return };
    let token = fence(&*subject.store).await.token;
    for at in 0..10 {
        let next = step(token, at, at + 1);
        let (one, two) =
            tokio::join!(advance(&*subject.store, next.clone()), advance(&*other, next.clone()));
        assert_eq!(u32::from(one.is_ok()) + u32::from(two.is_ok()), 1, "{one:?}, {two:?}");
        assert_fenced(if one.is_ok() { two } else { one }, &next);
    }
    assert_eq!(position(&*other).await, Some(10));
}

/// Takeovers from both handles never share a token.
pub async fn of_two_handles_each_takes_another_token(subject: Subject) {
    let Some(other) = subject.second_handle().await else { return };
    let mut tokens = Vec::new();
    for _ in 0..10 {
        let (one, two) = tokio::join!(fence(&*subject.store), fence(&*other));
        tokens.extend([one.token, two.token]);
    }
    tokens.sort_unstable();
    assert_eq!(tokens, (1..=20).collect::<Vec<_>>());
}

/// A transaction that has read a checkpoint has it until its end, and sees it move only by itself.
pub async fn a_checkpoint_that_was_read_is_locked(subject: Subject) {
    let Some(other) = subject.second_handle().await else { return };
    let token = fence(&*subject.store).await.token;
    let (read, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let holder = tokio::spawn({
        let (store, read, go_on) = (subject.store.clone(), read.clone(), go_on.clone());
        async move {
            let held = store.transact_with(move |transaction| {
                let (read, go_on) = (read.clone(), go_on.clone());
                Box::pin(async move {
                    transaction.checkpoint(NAME).await?;
                    read.notify_one();
                    go_on.notified().await;
                    transaction.advance_checkpoint(&step(token, 0, 2)).await
                })
            });
            held.await
        }
    });
    read.notified().await;
    let late = step(token, 0, 1);
    let mut waiting = tokio::spawn({
        let (other, late) = (other.clone(), late.clone());
        async move { advance(&*other, late).await }
    });
    let early = tokio::time::timeout(Duration::from_millis(100), &mut waiting).await;
    assert!(early.is_err(), "it does not wait: {early:?}");
    go_on.notify_one();
    holder.await.expect("no panic").expect("nobody else has moved it");
    assert_fenced(waiting.await.expect("no panic"), &late);
    assert_eq!(position(&*other).await, Some(2));
}

async fn set(store: &dyn Store, to: u64) {
    let written = store.transact_with(move |transaction| {
        Box::pin(async move { transaction.set_checkpoint(NAME, Position::new(to)).await })
    });
    written.await.expect("a checkpoint can be written");
}

/// A step with a row in the same transaction.
async fn with_a_row(store: &dyn Store, step: Advance) -> Result<(), StoreError> {
    store
        .transact_with(move |transaction| {
            let step = step.clone();
            Box::pin(async move {
                transaction.upsert_rows(&accounts(), &[row(1, "ann")]).await?;
                transaction.advance_checkpoint(&step).await
            })
        })
        .await
}

async fn rows(store: &dyn Store) -> usize {
    let rows = store.load_rows(&accounts(), &[vec![Value::Integer(1)]]).await;
    rows.expect("the table is there").len()
}
