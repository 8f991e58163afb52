//! Registered schemas.

use annals_core::RegisteredSchema;
use annals_core::store::StoreError;
use tokio_postgres::types::Type;

use crate::connection::Connector;
use crate::event_row::{get, schema_version};
use crate::session::{Bound, Session};
use crate::statements::Statements;

pub(crate) async fn schemas(
    session: Session<'_>,
    sql: &Statements,
    connector: &Connector,
) -> Result<Vec<RegisteredSchema>, StoreError> {
    let rows = session.query(&sql.read_schemas, &[]).await.map_err(connector.failed())?;
    let read = |row| {
        Ok(RegisteredSchema {
            event_type: get(row, 0)?,
            version: schema_version(row, 1)?,
            family: get(row, 2)?,
            schema: get(row, 3)?,
        })
    };
    rows.iter().map(read).collect()
}

pub(crate) async fn register_schemas(
    session: Session<'_>,
    sql: &Statements,
    connector: &Connector,
    schemas: &[RegisteredSchema],
) -> Result<(), StoreError> {
    let types: Vec<&str> = schemas.iter().map(|schema| schema.event_type.as_str()).collect();
    let versions: Vec<i32> = schemas.iter().map(|schema| schema.version.cast_signed()).collect();
    let families: Vec<Option<&str>> =
        schemas.iter().map(|schema| schema.family.as_deref()).collect();
    let texts: Vec<&str> = schemas.iter().map(|schema| schema.schema.as_str()).collect();
    let values: [Bound<'_>; 4] = [
        (&types, Type::TEXT_ARRAY),
        (&versions, Type::INT4_ARRAY),
        (&families, Type::TEXT_ARRAY),
        (&texts, Type::TEXT_ARRAY),
    ];
    session.execute(&sql.insert_schemas, &values).await.map(|_| ()).map_err(connector.failed())
}

pub(crate) async fn widen_schema(
    session: Session<'_>,
    sql: &Statements,
    connector: &Connector,
    known: &RegisteredSchema,
    wider: &str,
) -> Result<bool, StoreError> {
    let version = known.version.cast_signed();
    let values: [Bound<'_>; 4] = [
        (&known.event_type, Type::TEXT),
        (&version, Type::INT4),
        (&known.schema, Type::TEXT),
        (&wider, Type::TEXT),
    ];
    let changed = session.execute(&sql.widen_schema, &values).await;
    changed.map(|changed| changed > 0).map_err(connector.failed())
}
