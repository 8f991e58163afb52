//! Tables of read models, inside a transaction and outside.

use annals_core::store::StoreError;
use annals_core::table::{KeyValues, MAX_ROWS, Row, RowQuery, TableSpec, Value};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::{ToSql, Type};

use crate::error::translate;
use crate::event_row::number;
use crate::link::Link;
use crate::session::Bound;
use crate::table_sql;
use crate::value::{Bind, array, array_type, read_row};

pub(crate) async fn load_rows(
    link: Link<'_>,
    table: &TableSpec,
    keys: &[KeyValues],
) -> Result<Vec<Row>, StoreError> {
    table.check()?;
    table.check_keys(keys)?;
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    let arrays = Arrays::of_keys(table, keys)?;
    let sql = table_sql::load(link.schema(), table);
    let rows = link.session.query(&sql, &arrays.bound()).await;
    let rows = rows.map_err(explained(link, table))?;
    rows.iter().map(|row| read_row(row, table)).collect()
}

/// Inserts or replaces rows, when it is first polled; nothing for no rows.
pub(crate) async fn ready_upsert<'s>(
    link: Link<'s>,
    table: &TableSpec,
    rows: &[Row],
) -> Result<Option<BoxFuture<'s, Result<(), StoreError>>>, StoreError> {
    table.check()?;
    if rows.is_empty() {
        return Ok(None);
    }
    let arrays = Arrays::of_rows(table, rows)?;
    let types: Vec<Type> = arrays.0.iter().map(|(_, as_type)| as_type.clone()).collect();
    let ready = link.session.ready(&table_sql::upsert(link.schema(), table), &types).await;
    let ready = ready.map_err(explained(link, table))?;
    let table = table.clone();
    let upsert = async move {
        let values: Vec<_> =
            arrays.0.iter().map(|(array, _)| &**array as &(dyn ToSql + Sync)).collect();
        let written = ready.query(link.session.client, &values).await;
        written.map(|_| ()).map_err(explained(link, &table))
    };
    Ok(Some(upsert.boxed()))
}

/// Inserts rows, and replaces those with a smaller number in a column.
pub(crate) async fn raise_rows(
    link: Link<'_>,
    table: &TableSpec,
    rows: &[Row],
    column: &str,
) -> Result<u64, StoreError> {
    table.check()?;
    let place = table.raised_column(column)?;
    if rows.is_empty() {
        return Ok(0);
    }
    let arrays = Arrays::of_rows(table, rows)?;
    let sql = table_sql::raise(link.schema(), table, place);
    let written = link.session.execute(&sql, &arrays.bound()).await;
    written.map_err(explained(link, table))
}

pub(crate) async fn delete_rows(
    link: Link<'_>,
    table: &TableSpec,
    keys: &[KeyValues],
) -> Result<(), StoreError> {
    table.check()?;
    if keys.is_empty() {
        return Ok(());
    }
    let arrays = Arrays::of_keys(table, keys)?;
    let sql = table_sql::delete(link.schema(), table);
    let removed = link.session.execute(&sql, &arrays.bound()).await;
    removed.map(|_| ()).map_err(explained(link, table))
}

pub(crate) async fn query_rows(
    link: Link<'_>,
    table: &TableSpec,
    query: &RowQuery,
) -> Result<Vec<Row>, StoreError> {
    query.check(table)?;
    let query = &RowQuery { limit: query.limit.min(MAX_ROWS), ..query.clone() };
    let sql = table_sql::query(link.schema(), table, query);
    let binds: Vec<Bind<'_>> = table_sql::bound(query).map(|c| Bind(&c.value)).collect();
    // The limit stands in the text: bound, it is not known to the plan, which then sorts a whole table
    // for a page of twenty. There are few limits, but as many texts as there are pages.
    let link = if query.offset == 0 { link } else { link.unnamed() };
    let rows = link.session.query(&sql, &bound(&binds)).await;
    let rows = rows.map_err(explained(link, table))?;
    rows.iter().map(|row| read_row(row, table)).collect()
}

pub(crate) async fn count_rows(
    link: Link<'_>,
    table: &TableSpec,
    query: &RowQuery,
) -> Result<u64, StoreError> {
    query.check(table)?;
    let sql = table_sql::count(link.schema(), table, query);
    let binds: Vec<Bind<'_>> = table_sql::bound(query).map(|c| Bind(&c.value)).collect();
    let row = link.session.query_opt(&sql, &bound(&binds)).await;
    let row = row.map_err(explained(link, table))?;
    row.map_or(Ok(0), |row| number(&row, 0))
}

/// Values with their types, ready to be sent.
pub(crate) fn bound<'b>(binds: &'b [Bind<'_>]) -> Vec<Bound<'b>> {
    binds.iter().map(|bind| (bind as &(dyn ToSql + Sync), bind.sent_as())).collect()
}

/// Columns of many rows, one array each.
struct Arrays(Vec<(Box<dyn ToSql + Sync + Send>, Type)>);

impl Arrays {
    fn of<'v>(
        table: &TableSpec,
        places: &[usize],
        column: impl Fn(usize) -> Vec<&'v Value>,
    ) -> Result<Self, StoreError> {
        let arrays = places.iter().enumerate().map(|(number, &place)| {
            let column_type = table.columns[place].column_type;
            Ok((array(column_type, &column(number))?, array_type(column_type)))
        });
        arrays.collect::<Result<_, StoreError>>().map(Self)
    }

    fn of_rows(table: &TableSpec, rows: &[Row]) -> Result<Self, StoreError> {
        let rows = last_of_each_key(table, rows);
        let places: Vec<usize> = (0..table.columns.len()).collect();
        Self::of(table, &places, |place| rows.iter().map(|row| &row[place]).collect())
    }

    fn of_keys(table: &TableSpec, keys: &[KeyValues]) -> Result<Self, StoreError> {
        Self::of(table, &table.key, |number| keys.iter().map(|key| &key[number]).collect())
    }

    fn bound(&self) -> Vec<Bound<'_>> {
        self.0
            .iter()
            .map(|(array, as_type)| (&**array as &(dyn ToSql + Sync), as_type.clone()))
            .collect()
    }
}

/// The rows by their keys, and of those with the same key the last. In this order two transactions
/// that change the same rows wait for each other instead of standing in each other's way.
fn last_of_each_key<'r>(table: &TableSpec, rows: &'r [Row]) -> Vec<&'r Row> {
    let by_key = |a: &&Row, b: &&Row| {
        let columns = table.key.iter().map(|&place| a[place].order(&b[place]));
        columns.into_iter().find(|order| order.is_ne()).unwrap_or(std::cmp::Ordering::Equal)
    };
    let mut rows: Vec<&Row> = rows.iter().collect();
    // Stable: rows of the same key stay in their order.
    rows.sort_by(by_key);
    rows.reverse();
    rows.dedup_by(|a, b| by_key(a, b).is_eq());
    rows.reverse();
    rows
}

/// The errors that users meet: they forgot to start a projection, or another version of it has made
/// the table anew.
pub(crate) fn explained(
    link: Link<'_>,
    table: &TableSpec,
) -> impl Fn(tokio_postgres::Error) -> StoreError {
    move |error| {
        let said = error.as_db_error();
        match error.code() {
            Some(&SqlState::UNDEFINED_TABLE) => {
                StoreError::NoSuchTable { table: table.name.clone() }
            }
            Some(&SqlState::UNIQUE_VIOLATION) => {
                let index = said.and_then(|said| said.constraint());
                StoreError::not_unique(table, index.and_then(|name| table.index_named(name)))
            }
            Some(&SqlState::UNDEFINED_COLUMN | &SqlState::DATATYPE_MISMATCH) => {
                let said = said.map(|said| said.message()).unwrap_or_default();
                table.has_other_columns(said).into()
            }
            _ => translate(error, &link.connector.place),
        }
    }
}
