//! The indexes of a read model's table: made where they are missing, removed where they are no longer
//! declared.

use annals_core::store::StoreError;
use annals_core::table::TableSpec;
use tokio_postgres::types::Type;

use crate::event_row::get;
use crate::link::Link;
use crate::{error, table_sql, tables};

pub(crate) async fn reconcile(link: Link<'_>, table: &TableSpec) -> Result<(), StoreError> {
    let (schema, client) = (link.schema(), link.session.client);
    let failed = tables::explained(link, table);
    let place = [(&schema.0 as _, Type::TEXT), (&table.name as _, Type::TEXT)];
    let found = link.session.query(&link.sql.find_indexes, &place).await.map_err(&failed)?;
    let found: Vec<String> = found.iter().map(|row| get(row, 0)).collect::<Result<_, _>>()?;
    let prefix = table.index_prefix();
    for name in &found {
        // Others are not ours to remove.
        if name.starts_with(&prefix) && table.index_named(name).is_none() {
            let drop = table_sql::drop_index(schema, name);
            client.batch_execute(&drop).await.map_err(&failed)?;
        }
    }
    // Asking for one that is there would wait for those who write to the table.
    let missing = table.indexes.iter().filter(|index| !found.contains(&table.index_name(index)));
    for index in missing {
        let create = table_sql::create_index(schema, table, index);
        client.batch_execute(&create).await.map_err(|error| match error::is_duplicate(&error) {
            true => StoreError::not_unique(table, Some(index)),
            false => failed(error),
        })?;
    }
    Ok(())
}
