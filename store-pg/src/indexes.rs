//! The indexes of a read model's table: made where they are missing, removed where they are no longer
//! declared.

use annals_core::store::StoreError;
use annals_core::table::TableSpec;
use tokio_postgres::types::Type;

use crate::connection::Connector;
use crate::event_row::get;
use crate::session::Session;
use crate::statements::Statements;
use crate::{error, table_sql, tables};

pub(crate) async fn reconcile(
    session: Session<'_>,
    sql: &Statements,
    connector: &Connector,
    table: &TableSpec,
) -> Result<(), StoreError> {
    let schema = &connector.options.schema;
    let failed = |error| tables::explain(error, table, connector);
    let place = [(&schema.0 as _, Type::TEXT), (&table.name as _, Type::TEXT)];
    let found = session.query(&sql.find_indexes, &place).await.map_err(failed)?;
    let found: Vec<String> = found.iter().map(|row| get(row, 0)).collect::<Result<_, _>>()?;
    let prefix = table.index_prefix();
    for name in &found {
        // Others are not ours to remove.
        if name.starts_with(&prefix) && table.index_named(name).is_none() {
            let dropped = session.client.batch_execute(&table_sql::drop_index(schema, name)).await;
            dropped.map_err(failed)?;
        }
    }
    // Asking for one that is there would wait for those who write to the table.
    let missing = table.indexes.iter().filter(|index| !found.contains(&table.index_name(index)));
    for index in missing {
        let create = table_sql::create_index(schema, table, index);
        session.client.batch_execute(&create).await.map_err(|error| {
            match error::is_duplicate(&error) {
                true => StoreError::not_unique(table, Some(index)),
                false => failed(error),
            }
        })?;
    }
    Ok(())
}
