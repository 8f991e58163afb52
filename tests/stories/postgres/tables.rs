//! A read model of one table, for stories about the store below it.

use annals::PgStore;
use annals::store::{TableStore, TransactExt};
use annals::table::{ColumnSpec, ColumnType, Row, RowQuery, TableSpec, Value};

/// `items`, as its generations are called `items__1`, `items__2`, …
pub(super) fn items(name: &str) -> TableSpec {
    let columns = vec![
        ColumnSpec::new("id", ColumnType::Integer, false),
        ColumnSpec::new("name", ColumnType::Text, false),
    ];
    TableSpec::new(name, columns, vec![0], vec![])
}

/// Makes a table with some rows, and points the view `items` at it.
pub(super) async fn put_items(store: &PgStore, table: &TableSpec, rows: i64) {
    let table = table.clone();
    let made = store.transact_with(move |transaction| {
        let table = table.clone();
        Box::pin(async move {
            let blank = Value::Text("blank".to_owned());
            let row = |id| {
                let mut row: Row = vec![Value::Integer(id)];
                row.resize(table.columns.len(), blank.clone());
                row
            };
            let rows: Vec<Row> = (0..rows).map(row).collect();
            transaction.create_table(&table).await?;
            transaction.upsert_rows(&table, &rows).await?;
            transaction.point_view("items", &table).await
        })
    });
    made.await.expect("the table is new");
}

/// A page of what the view shows.
pub(super) async fn page(
    store: &PgStore,
    limit: u32,
    offset: u64,
) -> Result<Vec<Row>, annals::store::StoreError> {
    let query = RowQuery { limit, offset, ..RowQuery::default() };
    store.query_rows(&items("items"), &query).await
}
