//! The indexes of a read model's table: made where they are missing, removed where they are no longer
//! declared.

use annals_core::store::StoreError;
use annals_core::table::TableSpec;
use rusqlite::Connection;

use crate::statements::FIND_INDEXES;
use crate::{table_sql, tables};

pub(crate) fn reconcile(
    connection: &Connection,
    table: &TableSpec,
    place: &str,
) -> Result<(), StoreError> {
    let failed = |error| tables::explain(error, table, place);
    let found = connection.prepare_cached(FIND_INDEXES).and_then(|mut statement| {
        let names = statement.query_map([&table.name], |row| row.get::<_, String>(0))?;
        names.collect::<Result<Vec<_>, _>>()
    });
    let prefix = table.index_prefix();
    for name in found.map_err(failed)? {
        // Others are not ours to remove.
        if name.starts_with(&prefix) && table.index_named(&name).is_none() {
            connection.execute_batch(&format!("DROP INDEX \"{name}\"")).map_err(failed)?;
        }
    }
    for index in &table.indexes {
        let made = connection.execute_batch(&table_sql::create_index(table, index));
        made.map_err(|error| match tables::is_not_unique(&error) {
            true => StoreError::not_unique(table, Some(index)),
            false => failed(error),
        })?;
    }
    Ok(())
}
