//! Making tables, and rows by their keys.

use annals_core::store::{Store, StoreError, TransactExt};
use annals_core::table::{ColumnSpec, ColumnType, IndexSpec, Row, RowQuery, TableSpec, Value};

use super::super::Subject;
use super::super::samples::assert_invalid;
use super::samples::{accounts, create, row, upsert};

async fn load(store: &dyn Store, table: &TableSpec, keys: &[Vec<Value>]) -> Vec<Row> {
    let mut rows = store.load_rows(table, keys).await.expect("the table is there");
    // Rows come in any order.
    rows.sort_by(|a, b| a[0].order(&b[0]).then_with(|| a[1].order(&b[1])));
    rows
}

fn key(id: i64) -> Vec<Value> {
    vec![Value::Integer(id)]
}

/// Those that are there; the others are left out.
pub async fn rows_come_back_by_key(subject: Subject) {
    let store = &*subject.store;
    create(store, &accounts()).await;
    upsert(store, &accounts(), vec![row(1, "ann"), row(2, "bob"), row(3, "cid")]).await;
    let found = load(store, &accounts(), &[key(3), key(9), key(1)]).await;
    assert_eq!(found, [row(1, "ann"), row(3, "cid")]);
    assert_eq!(load(store, &accounts(), &[]).await, Vec::<Row>::new());
    upsert(store, &accounts(), vec![]).await;
}

/// All its columns together are the key, in the key's order, wherever they stand in the row.
pub async fn a_key_of_several_columns(subject: Subject) {
    let store = &*subject.store;
    let columns = vec![
        ColumnSpec::new("cents", ColumnType::Integer, false),
        ColumnSpec::new("country", ColumnType::Text, false),
        ColumnSpec::new("day", ColumnType::Integer, false),
    ];
    let table = TableSpec::new("sales", columns, vec![2, 1], vec![]);
    let sale = |day, country: &str, cents| {
        vec![Value::Integer(cents), Value::Text(country.to_owned()), Value::Integer(day)]
    };
    let key = |day, country: &str| vec![Value::Integer(day), Value::Text(country.to_owned())];
    create(store, &table).await;
    upsert(store, &table, vec![sale(1, "de", 10), sale(1, "fr", 20), sale(2, "de", 30)]).await;
    upsert(store, &table, vec![sale(1, "fr", 25)]).await;
    let keys = [key(1, "fr"), key(2, "fr"), key(2, "de")];
    assert_eq!(load(store, &table, &keys).await, [sale(1, "fr", 25), sale(2, "de", 30)]);
}

async fn raise(store: &dyn Store, rows: Vec<Row>, column: &'static str) -> Result<u64, StoreError> {
    let raised = store.transact_with(move |transaction| {
        let rows = rows.clone();
        Box::pin(async move { transaction.raise_rows(&counts(), &rows, column).await })
    });
    raised.await
}

fn counts() -> TableSpec {
    let columns = vec![
        ColumnSpec::new("name", ColumnType::Text, false),
        ColumnSpec::new("n", ColumnType::Integer, false),
        ColumnSpec::new("note", ColumnType::Text, true),
    ];
    TableSpec::new("counts", columns, vec![0], vec![])
}

fn count(name: &str, n: i64, note: &str) -> Row {
    vec![Value::Text(name.to_owned()), Value::Integer(n), Value::Text(note.to_owned())]
}

/// Rows that are new or larger are written and counted, the others stay as they are.
pub async fn rows_are_raised(subject: Subject) {
    let store = &*subject.store;
    create(store, &counts()).await;
    let names = ["a", "b", "c"].map(|name| vec![Value::Text(name.to_owned())]);
    assert_eq!(raise(store, vec![count("a", 1, "x"), count("b", 5, "x")], "n").await.unwrap(), 2);
    let rows = vec![count("a", 2, "y"), count("b", 5, "y"), count("c", 0, "y")];
    assert_eq!(raise(store, rows, "n").await.unwrap(), 2, "an equal number is not smaller");
    let rows = vec![count("a", 1, "z"), count("b", 4, "z"), count("c", -1, "z")];
    assert_eq!(raise(store, rows, "n").await.unwrap(), 0);
    assert_eq!(raise(store, vec![], "n").await.unwrap(), 0);
    let found = load(store, &counts(), &names).await;
    assert_eq!(found, [count("a", 2, "y"), count("b", 5, "x"), count("c", 0, "y")]);
    for column in ["note", "name", "nothing"] {
        let refused = raise(store, vec![count("a", 9, "z")], column).await;
        let said = refused.as_ref().err().map(ToString::to_string).unwrap_or_default();
        assert!(said.contains(&format!("no integer column `{column}`")), "{said}");
        assert_invalid(refused);
    }
}

/// Of two who raise the same row at once, the second waits for the first and sees what it has written.
pub async fn of_two_who_raise_a_row_one_writes_it(subject: Subject) {
    let store = &*subject.store;
    create(store, &counts()).await;
    let one = || raise(store, vec![count("a", 1, "x")], "n");
    let (a, b, c, d) = tokio::join!(one(), one(), one(), one());
    let written: u64 = [a, b, c, d].into_iter().map(|n| n.expect("it is tried")).sum();
    assert_eq!(written, 1);
}

/// The whole row, and only that one.
pub async fn an_upsert_replaces(subject: Subject) {
    let store = &*subject.store;
    create(store, &accounts()).await;
    upsert(store, &accounts(), vec![row(1, "ann"), row(2, "bob")]).await;
    upsert(store, &accounts(), vec![row(2, "eve"), row(3, "cid")]).await;
    let found = load(store, &accounts(), &[key(1), key(2), key(3)]).await;
    assert_eq!(found, [row(1, "ann"), row(2, "eve"), row(3, "cid")]);
}

/// Removing what is not there is harmless.
pub async fn rows_are_deleted_by_key(subject: Subject) {
    let store = &*subject.store;
    create(store, &accounts()).await;
    upsert(store, &accounts(), vec![row(1, "ann"), row(2, "bob"), row(3, "cid")]).await;
    store
        .transact_with(|transaction| {
            Box::pin(async {
                transaction.delete_rows(&accounts(), &[]).await?;
                transaction.delete_rows(&accounts(), &[key(1), key(9), key(3)]).await
            })
        })
        .await
        .expect("rows can be deleted");
    assert_eq!(load(store, &accounts(), &[key(1), key(2), key(3)]).await, [row(2, "bob")]);
}

/// More than any database takes as parameters of one statement.
pub async fn thousands_of_rows_at_once(subject: Subject) {
    let store = &*subject.store;
    create(store, &accounts()).await;
    let rows: Vec<_> = (0..40_000).map(|n| row(n, &format!("owner {n}"))).collect();
    upsert(store, &accounts(), rows.clone()).await;
    let keys: Vec<_> = (0..40_000).map(key).collect();
    assert!(load(store, &accounts(), &keys).await == rows, "all rows come back");
    store
        .transact_with(|transaction| {
            Box::pin(async {
                let keys: Vec<_> = (1..40_000).map(key).collect();
                transaction.delete_rows(&accounts(), &keys).await
            })
        })
        .await
        .expect("rows can be deleted");
    assert_eq!(load(store, &accounts(), &keys).await, rows[..1]);
}

/// A restart makes its tables again.
pub async fn creating_a_table_again_keeps_its_rows(subject: Subject) {
    let store = &*subject.store;
    create(store, &accounts()).await;
    upsert(store, &accounts(), vec![row(1, "ann")]).await;
    create(store, &accounts()).await;
    assert_eq!(load(store, &accounts(), &[key(1)]).await, [row(1, "ann")]);
}

/// And can be made again, empty. Dropping what is not there is harmless.
pub async fn a_dropped_table_is_gone(subject: Subject) {
    let store = &*subject.store;
    create(store, &accounts()).await;
    upsert(store, &accounts(), vec![row(1, "ann")]).await;
    for _ in 0..2 {
        store
            .transact_with(|transaction| {
                Box::pin(async { transaction.drop_table("accounts").await })
            })
            .await
            .expect("a table can be dropped");
        assert_no_table(store.load_rows(&accounts(), &[key(1)]).await);
    }
    create(store, &accounts()).await;
    assert_eq!(load(store, &accounts(), &[key(1)]).await, Vec::<Row>::new());
}

/// Every way to ask says which table is missing.
pub async fn a_missing_table_is_named(subject: Subject) {
    let store = &*subject.store;
    assert_no_table(store.load_rows(&accounts(), &[key(1)]).await);
    assert_no_table(store.query_rows(&accounts(), &RowQuery::default()).await);
    assert_no_table(store.count_rows(&accounts(), &RowQuery::default()).await);
    let written = store.transact_with(|transaction| {
        Box::pin(async { transaction.upsert_rows(&accounts(), &[row(1, "ann")]).await })
    });
    assert_no_table(written.await);
    let pointed = store.transact_with(|transaction| {
        Box::pin(async { transaction.point_view("shown", &accounts()).await })
    });
    assert_no_table(pointed.await);
}

/// Nothing of the transaction stays. Null is equal to nothing, so it may come twice.
pub async fn a_unique_index_refuses_the_second(subject: Subject) {
    let store = &*subject.store;
    let mut table = accounts().named("unique_accounts");
    table.columns[1].nullable = true;
    table.indexes = vec![IndexSpec::new(vec![1], true), IndexSpec::new(vec![1, 0], false)];
    create(store, &table).await;
    upsert(store, &table, vec![row(1, "ann"), row(2, "bob")]).await;
    let again = table.clone();
    let refused = store
        .transact_with(move |transaction| {
            let table = again.clone();
            Box::pin(async move {
                transaction.upsert_rows(&table, &[row(3, "cid")]).await?;
                transaction.upsert_rows(&table, &[row(4, "ann")]).await
            })
        })
        .await;
    let refused = refused.expect_err("the name is taken");
    assert!(matches!(refused, StoreError::Invalid { .. }), "{refused:?}");
    let said = refused.to_string();
    assert!(said.contains("`unique_accounts`") && said.contains("(owner)"), "{said}");
    let null = |id| vec![Value::Integer(id), Value::Null];
    upsert(store, &table, vec![null(5), null(6), row(1, "ann")]).await;
    let found = load(store, &table, &[key(1), key(3), key(4), key(5), key(6)]).await;
    assert_eq!(found, [row(1, "ann"), null(5), null(6)]);
}

/// What is no longer unique may come twice; what becomes unique and is not is refused with the
/// table's and the columns' names, and changes nothing.
pub async fn indexes_follow_the_table(subject: Subject) {
    let store = &*subject.store;
    let unique = IndexSpec::new(vec![1], true);
    let table = |indexes: Vec<IndexSpec>| TableSpec { indexes, ..accounts() };
    create(store, &table(vec![unique.clone()])).await;
    upsert(store, &accounts(), vec![row(1, "ann")]).await;
    for indexes in
        [vec![IndexSpec::new(vec![1], false)], vec![], vec![IndexSpec::new(vec![1, 0], true)]]
    {
        let table = table(indexes);
        create(store, &table).await;
        upsert(store, &table, vec![row(2, "ann")]).await;
    }
    let refused = store.transact_with(move |transaction| {
        let table = table(vec![unique.clone()]);
        Box::pin(async move { transaction.create_table(&table).await })
    });
    let refused = refused.await.expect_err("two rows share the name");
    assert!(matches!(refused, StoreError::Invalid { .. }), "{refused:?}");
    let said = refused.to_string();
    assert!(said.contains("`accounts`") && said.contains("(owner)"), "{said}");
    upsert(store, &accounts(), vec![row(3, "ann")]).await;
}

/// A column that another version of the program dropped, renamed or made of another type: an error
/// that says so, and never a value of its own.
pub async fn a_table_with_other_columns_says_so(subject: Subject) {
    let store = &*subject.store;
    create(store, &accounts()).await;
    upsert(store, &accounts(), vec![row(1, "ann")]).await;
    let mut renamed = accounts();
    renamed.columns[1] = ColumnSpec::new("name", ColumnType::Text, false);
    let mut retyped = accounts();
    retyped.columns[1].column_type = ColumnType::Integer;
    for other in [renamed, retyped] {
        let loaded = store.load_rows(&other, &[key(1)]).await;
        let queried = store.query_rows(&other, &RowQuery::default()).await;
        for refused in [loaded, queried] {
            let message = refused.as_ref().expect_err("the columns differ").to_string();
            assert!(message.contains("`accounts`"), "{message}");
            assert!(message.contains("other columns than this program reads"), "{message}");
            assert_invalid(refused);
        }
    }
    let found = load(store, &accounts(), &[key(1)]).await;
    assert_eq!(found, [row(1, "ann")]);
}

/// Names that are SQL, tables without a key, places that do not exist.
pub async fn bad_tables_are_refused(subject: Subject) {
    let store = &*subject.store;
    let mut keyless = accounts();
    keyless.key.clear();
    let mut misplaced = accounts();
    misplaced.indexes = vec![IndexSpec::new(vec![2], false)];
    let named = ["a; DROP TABLE b", "", "history", "events__1", "annals_events", "sqlite_rows"];
    let named = named.map(|name| accounts().named(name));
    for table in named.into_iter().chain([keyless, misplaced]) {
        let made = store.transact_with(move |transaction| {
            let table = table.clone();
            Box::pin(async move { transaction.create_table(&table).await })
        });
        assert_invalid(made.await);
    }
}

#[track_caller]
fn assert_no_table<T: std::fmt::Debug>(result: Result<T, StoreError>) {
    match result {
        Err(StoreError::NoSuchTable { table }) => assert_eq!(table, "accounts"),
        other => panic!("there is no such table, and the answer was {other:?}"),
    }
}
