//! A table, its rows, and short ways to write them.

use annals_core::store::{Store, TransactExt};
use annals_core::table::{ColumnSpec, ColumnType, Row, TableSpec, Value};

/// `accounts (id integer key, owner text)`.
pub(in crate::conformance) fn accounts() -> TableSpec {
    let columns = vec![
        ColumnSpec::new("id", ColumnType::Integer, false),
        ColumnSpec::new("owner", ColumnType::Text, false),
    ];
    TableSpec::new("accounts", columns, vec![0], vec![])
}

/// A row of [`accounts`].
pub(in crate::conformance) fn row(id: i64, owner: &str) -> Row {
    vec![Value::Integer(id), Value::Text(owner.to_owned())]
}

/// Makes a table.
pub(in crate::conformance) async fn create(store: &dyn Store, table: &TableSpec) {
    let table = table.clone();
    store
        .transact_with(move |transaction| {
            let table = table.clone();
            Box::pin(async move { transaction.create_table(&table).await })
        })
        .await
        .expect("a table can be made");
}

/// Writes rows in a transaction of their own.
pub(in crate::conformance) async fn upsert(store: &dyn Store, table: &TableSpec, rows: Vec<Row>) {
    let table = table.clone();
    store
        .transact_with(move |transaction| {
            let (table, rows) = (table.clone(), rows.clone());
            Box::pin(async move { transaction.upsert_rows(&table, &rows).await })
        })
        .await
        .expect("rows can be written");
}
