//! Reading tables of read models, inside a transaction and outside.

use annals_core::store::StoreError;
use annals_core::table::{IndexSpec, KeyValues, MAX_ROWS, Row, RowQuery, TableSpec};
use rusqlite::{Connection, params_from_iter};

use crate::error::translate;
use crate::table_sql;
use crate::value::{Bind, read_row};

pub(crate) fn load_rows(
    connection: &Connection,
    table: &TableSpec,
    keys: &[KeyValues],
    place: &str,
) -> Result<Vec<Row>, StoreError> {
    table.check()?;
    table.check_keys(keys)?;
    let failed = |error| explain(error, table, place);
    let mut statement = connection.prepare_cached(&table_sql::load(table)).map_err(failed)?;
    let mut found = Vec::new();
    for key in keys {
        let mut rows = statement.query(params_from_iter(key.iter().map(Bind))).map_err(failed)?;
        if let Some(row) = rows.next().map_err(failed)? {
            found.push(read_row(row, table)?);
        }
    }
    Ok(found)
}

pub(crate) fn query_rows(
    connection: &Connection,
    table: &TableSpec,
    query: &RowQuery,
    place: &str,
) -> Result<Vec<Row>, StoreError> {
    query.check(table)?;
    let query = &RowQuery { limit: query.limit.min(MAX_ROWS), ..query.clone() };
    let failed = |error| explain(error, table, place);
    let sql = table_sql::query(table, query);
    let mut statement = connection.prepare_cached(&sql).map_err(failed)?;
    let binds = query.conditions.iter().map(|condition| Bind(&condition.value));
    let mut rows = statement.query(params_from_iter(binds)).map_err(failed)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next().map_err(failed)? {
        found.push(read_row(row, table)?);
    }
    Ok(found)
}

pub(crate) fn count_rows(
    connection: &Connection,
    table: &TableSpec,
    query: &RowQuery,
    place: &str,
) -> Result<u64, StoreError> {
    query.check(table)?;
    let failed = |error| explain(error, table, place);
    let sql = table_sql::count(table, query);
    let binds = query.conditions.iter().map(|condition| Bind(&condition.value));
    let count: i64 = connection
        .prepare_cached(&sql)
        .and_then(|mut statement| statement.query_row(params_from_iter(binds), |row| row.get(0)))
        .map_err(failed)?;
    Ok(count.unsigned_abs())
}

/// The errors that users meet: they forgot to start a projection, or another version of it has made
/// the table anew.
pub(crate) fn explain(error: rusqlite::Error, table: &TableSpec, place: &str) -> StoreError {
    let said = error.to_string();
    if said.contains("no such table") {
        return StoreError::NoSuchTable { table: table.name.clone() };
    }
    if is_not_unique(&error) {
        return StoreError::not_unique(table, violated(&said, table));
    }
    if said.contains("no such column") || said.contains("has no column named") {
        return table.has_other_columns(said).into();
    }
    translate(error, place)
}

/// Whether two rows share the values of a unique index.
pub(crate) fn is_not_unique(error: &rusqlite::Error) -> bool {
    let code = error.sqlite_error().map(|error| error.extended_code);
    code == Some(rusqlite::ffi::SQLITE_CONSTRAINT_UNIQUE)
}

/// Which index it is: SQLite names the columns, as in `…: seats__1.row, seats__1.number`.
fn violated<'t>(said: &str, table: &'t TableSpec) -> Option<&'t IndexSpec> {
    let columns = said.rsplit(": ").next().unwrap_or_default();
    table.indexes.iter().filter(|index| index.unique).find(|index| {
        let named = index.columns.iter().map(|&place| table.columns[place].name);
        let named: Vec<_> = named.map(|column| format!("{}.{column}", table.name)).collect();
        named.join(", ") == columns
    })
}
