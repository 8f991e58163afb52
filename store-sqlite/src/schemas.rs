//! Registered schemas.

use annals_core::RegisteredSchema;
use annals_core::store::StoreError;
use rusqlite::{Connection, params};

use crate::error::translate;
use crate::job::Group;
use crate::statements::{INSERT_SCHEMA, READ_SCHEMAS, WIDEN_SCHEMA};

pub(crate) fn schemas(
    connection: &Connection,
    place: &str,
) -> Result<Vec<RegisteredSchema>, StoreError> {
    let failed = |error| translate(error, place);
    let mut statement = connection.prepare_cached(READ_SCHEMAS).map_err(failed)?;
    let rows = statement.query_map([], |row| {
        Ok(RegisteredSchema {
            event_type: row.get(0)?,
            version: row.get(1)?,
            family: row.get(2)?,
            schema: row.get(3)?,
        })
    });
    rows.and_then(Iterator::collect).map_err(failed)
}

pub(crate) fn register_schemas(
    group: &mut Group<'_>,
    schemas: &[RegisteredSchema],
) -> Result<(), StoreError> {
    let failed = group.failed();
    let mut statement = group.connection.prepare_cached(INSERT_SCHEMA).map_err(&failed)?;
    for schema in schemas {
        statement
            .execute(params![schema.event_type, schema.version, schema.family, schema.schema])
            .map_err(&failed)?;
    }
    Ok(())
}

pub(crate) fn widen_schema(
    group: &mut Group<'_>,
    known: &RegisteredSchema,
    wider: &str,
) -> Result<bool, StoreError> {
    let failed = group.failed();
    let mut statement = group.connection.prepare_cached(WIDEN_SCHEMA).map_err(&failed)?;
    let values = params![known.event_type, known.version, known.schema, wider];
    statement.execute(values).map(|changed| changed > 0).map_err(&failed)
}
