//! I7: a rebuilt table takes the place of the old one in one step.

use annals_core::store::{Store, StoreError, TransactExt};
use annals_core::table::{RowQuery, TableSpec, Value};

use super::super::Subject;
use super::samples::{accounts, create, row, upsert};

fn version(n: u32) -> TableSpec {
    accounts().named(format!("accounts_v{n}"))
}

fn view() -> TableSpec {
    accounts().named("accounts_shown")
}

/// A table of ten rows whose owner is its version.
async fn build(store: &dyn Store, n: u32) {
    create(store, &version(n)).await;
    let rows = (0..10).map(|id| row(id, &format!("v{n}"))).collect();
    upsert(store, &version(n), rows).await;
}

async fn point(store: &dyn Store, n: u32) {
    store
        .transact_with(move |transaction| {
            Box::pin(async move { transaction.point_view("accounts_shown", &version(n)).await })
        })
        .await
        .expect("a view can be pointed");
}

/// The one owner of all ten rows.
async fn shown(store: &dyn Store) -> String {
    let rows = store.query_rows(&view(), &RowQuery::default()).await.expect("the view is there");
    assert_eq!(rows.len(), 10);
    let owner = rows[0][1].to_string();
    assert!(rows.iter().all(|row| row[1].to_string() == owner), "rows of two versions: {rows:?}");
    owner
}

/// Asked by key, by query and by count; and what comes into the table later is shown too.
pub async fn a_view_shows_its_table(subject: Subject) {
    let store = &*subject.store;
    build(store, 1).await;
    point(store, 1).await;
    assert_eq!(shown(store).await, "v1");
    upsert(store, &version(1), vec![row(10, "late")]).await;
    let late = store.load_rows(&view(), &[vec![Value::Integer(10)]]).await;
    assert_eq!(late.expect("the view is there"), [row(10, "late")]);
    let count = store.count_rows(&view(), &RowQuery::default()).await;
    assert_eq!(count.expect("the view is there"), 11);
}

/// To the new table; the old one can go, in the same transaction or later.
pub async fn a_view_is_switched(subject: Subject) {
    let store = &*subject.store;
    build(store, 1).await;
    point(store, 1).await;
    build(store, 2).await;
    assert_eq!(shown(store).await, "v1", "the old one serves until the switch");
    store
        .transact_with(|transaction| {
            Box::pin(async {
                transaction.point_view("accounts_shown", &version(2)).await?;
                transaction.drop_table("accounts_v1").await
            })
        })
        .await
        .expect("a view can be switched");
    assert_eq!(shown(store).await, "v2");
    let old = store.query_rows(&version(1), &RowQuery::default()).await;
    assert!(matches!(old, Err(StoreError::NoSuchTable { .. })), "{old:?}");
}

/// In one transaction. Dropping what is not there is harmless.
pub async fn a_view_is_dropped_before_its_table(subject: Subject) {
    let store = &*subject.store;
    build(store, 1).await;
    point(store, 1).await;
    for _ in 0..2 {
        store
            .transact_with(|transaction| {
                Box::pin(async {
                    transaction.drop_view("accounts_shown").await?;
                    transaction.drop_table("accounts_v1").await
                })
            })
            .await
            .expect("a view and its table can be dropped");
        let gone = store.query_rows(&view(), &RowQuery::default()).await;
        assert!(matches!(gone, Err(StoreError::NoSuchTable { .. })), "{gone:?}");
    }
    build(store, 2).await;
    point(store, 2).await;
    assert_eq!(shown(store).await, "v2", "the name can be used again");
}

/// The old one goes on serving.
pub async fn a_switch_that_is_rolled_back_did_not_happen(subject: Subject) {
    let store = &*subject.store;
    build(store, 1).await;
    point(store, 1).await;
    build(store, 2).await;
    let failed = store
        .transact_with(|transaction| {
            Box::pin(async {
                transaction.point_view("accounts_shown", &version(2)).await?;
                transaction.drop_table("accounts_v1").await?;
                Err::<(), _>(StoreError::refused("not yet"))
            })
        })
        .await;
    assert!(failed.is_err());
    assert_eq!(shown(store).await, "v1");
}

/// Readers beside the switches see one version or the other, never both and never none.
pub async fn readers_never_see_half_a_switch(subject: Subject) {
    build(&*subject.store, 0).await;
    point(&*subject.store, 0).await;
    let readers: Vec<_> = (0..2)
        .map(|_| {
            let store = subject.store.clone();
            tokio::spawn(async move {
                while shown(&*store).await != "v20" {
                    tokio::task::yield_now().await;
                }
            })
        })
        .collect();
    for n in 1..=20 {
        build(&*subject.store, n).await;
        subject
            .store
            .transact_with(move |transaction| {
                Box::pin(async move {
                    transaction.point_view("accounts_shown", &version(n)).await?;
                    transaction.drop_table(&version(n - 1).name).await
                })
            })
            .await
            .expect("a view can be switched");
    }
    for reader in readers {
        reader.await.expect("the reader saw whole versions only");
    }
}
