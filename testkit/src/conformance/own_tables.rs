//! What the engine keeps about itself stands in tables that a store makes with its schema.

use annals_consumers::tables;
use annals_core::store::TransactExt;
use annals_core::table::{ColumnType, Row, RowQuery, TableSpec, Value};
use jiff::Timestamp;
use uuid::Uuid;

use super::Subject;

/// The `n`th value of a type, apart from all others.
fn value(column_type: ColumnType, n: i64) -> Value {
    match column_type {
        ColumnType::Integer => Value::Integer(n),
        ColumnType::Boolean => Value::Boolean(n % 2 == 0),
        ColumnType::Uuid => Value::Uuid(Uuid::from_u128(n.unsigned_abs().into())),
        ColumnType::Json => Value::Json(format!(r#"{{"n":{n}}}"#)),
        ColumnType::Timestamp => {
            let time = Timestamp::from_microsecond(1_700_000_000_123_456 + n);
            Value::Timestamp(time.expect("a time of this century"))
        }
        ColumnType::Text => Value::Text(format!("text {n}")),
        other => panic!("the engine keeps no {other:?}"),
    }
}

/// A row with every column filled, or with null wherever that is allowed.
fn row(table: &TableSpec, n: i64, whole: bool) -> Row {
    let columns = table.columns.iter().zip(0..);
    columns
        .map(|(column, place)| match column.nullable && !whole {
            true => Value::Null,
            false => value(column.column_type, 100 * n + place),
        })
        .collect()
}

/// Every column comes back as it was written, by key and by query, also where it may be null.
pub async fn every_column_comes_back(subject: Subject) {
    let store = &*subject.store;
    for table in tables() {
        let rows = vec![row(table, 1, true), row(table, 2, false), row(table, 3, true)];
        let written = rows.clone();
        store
            .transact_with(move |transaction| {
                let rows = written.clone();
                Box::pin(async move { transaction.upsert_rows(table, &rows).await })
            })
            .await
            .unwrap_or_else(|error| panic!("{}: {error}", table.name));
        for row in &rows {
            let found = store.load_rows(table, &[table.key_of(row)]).await;
            assert_eq!(
                found.expect("the table is there"),
                std::slice::from_ref(row),
                "{}",
                table.name
            );
        }
        let all = store.query_rows(table, &RowQuery::default()).await;
        assert_eq!(all.expect("the table is there"), rows, "{}", table.name);
    }
}

/// They are there from the start, and empty.
pub async fn they_are_there_from_the_start(subject: Subject) {
    for table in tables() {
        let count = subject.store.count_rows(table, &RowQuery::default()).await;
        assert_eq!(count.unwrap_or_else(|error| panic!("{}: {error}", table.name)), 0);
    }
}

/// Rows are replaced, removed and rolled back as those of read models are.
pub async fn rows_are_replaced_and_removed(subject: Subject) {
    let store = &*subject.store;
    for table in tables() {
        let (old, mut new) = (row(table, 1, true), row(table, 1, false));
        // The last column of each is none of its key.
        let last = table.columns.len() - 1;
        new[last] = match table.columns[last].nullable {
            true => Value::Null,
            false => value(table.columns[last].column_type, 7),
        };
        let key = table.key_of(&old);
        let (first, second, removed) = (old.clone(), new.clone(), key.clone());
        let changed = store.transact_with(move |transaction| {
            let (old, new) = (first.clone(), second.clone());
            Box::pin(async move {
                transaction.upsert_rows(table, &[old]).await?;
                transaction.upsert_rows(table, &[new]).await
            })
        });
        changed.await.unwrap_or_else(|error| panic!("{}: {error}", table.name));
        let found = store.load_rows(table, std::slice::from_ref(&key)).await;
        assert_eq!(found.expect("the table is there"), [new], "{}", table.name);
        let gone = store.transact_with(move |transaction| {
            let key = removed.clone();
            Box::pin(async move { transaction.delete_rows(table, &[key]).await })
        });
        gone.await.unwrap_or_else(|error| panic!("{}: {error}", table.name));
        let count = store.count_rows(table, &RowQuery::default()).await;
        assert_eq!(count.expect("the table is there"), 0, "{}", table.name);
    }
}
