//! How far a consumer has got, kept with its effects.

use annals_core::Position;
use annals_core::store::{Store, StoreError, TransactExt};

use super::Subject;

async fn set(store: &dyn Store, name: &'static str, position: u64) {
    store
        .transact_with(move |transaction| {
            Box::pin(async move { transaction.set_checkpoint(name, Position::new(position)).await })
        })
        .await
        .expect("a checkpoint can be written");
}

async fn get(store: &dyn Store, name: &str) -> Option<u64> {
    store.checkpoint(name).await.expect("a checkpoint can be read").map(Position::get)
}

/// Never written is not zero.
pub async fn a_checkpoint_begins_as_none(subject: Subject) {
    let store = &*subject.store;
    assert_eq!(get(store, "balances").await, None);
    set(store, "balances", 0).await;
    assert_eq!(get(store, "balances").await, Some(0));
    assert_eq!(get(store, "orders").await, None);
}

/// Forwards, and back as well: a rebuild begins again.
pub async fn the_last_write_counts(subject: Subject) {
    let store = &*subject.store;
    for position in [3, 7, 2] {
        set(store, "balances", position).await;
        assert_eq!(get(store, "balances").await, Some(position));
    }
}

/// Gone, and removing it again is harmless.
pub async fn a_removed_checkpoint_is_none(subject: Subject) {
    let store = &*subject.store;
    set(store, "balances", 3).await;
    set(store, "orders", 4).await;
    for _ in 0..2 {
        store
            .transact_with(|transaction| {
                Box::pin(async { transaction.remove_checkpoint("balances").await })
            })
            .await
            .expect("a checkpoint can be removed");
        assert_eq!(get(store, "balances").await, None);
    }
    assert_eq!(get(store, "orders").await, Some(4));
}

/// Written or removed in a transaction that fails, it is as before.
pub async fn a_rolled_back_checkpoint_stays(subject: Subject) {
    let store = &*subject.store;
    set(store, "balances", 3).await;
    set(store, "orders", 4).await;
    let failed = store
        .transact_with(|transaction| {
            Box::pin(async {
                transaction.set_checkpoint("balances", Position::new(9)).await?;
                assert_eq!(transaction.checkpoint("balances").await?, Some(Position::new(9)));
                transaction.remove_checkpoint("orders").await?;
                assert_eq!(transaction.checkpoint("orders").await?, None);
                Err::<(), _>(StoreError::refused("no"))
            })
        })
        .await;
    assert!(failed.is_err());
    assert_eq!((get(store, "balances").await, get(store, "orders").await), (Some(3), Some(4)));
}

/// As durable as the effects it stands for.
pub async fn a_checkpoint_survives_reopening(subject: Subject) {
    set(&*subject.store, "balances", 3).await;
    let Some(subject) = subject.reopen().await else { return };
    assert_eq!(get(&*subject.store, "balances").await, Some(3));
}
