//! Registered schemas.

use annals_core::RegisteredSchema;
use annals_core::store::StoreError;
use tokio_postgres::types::Type;

use crate::event_row::{get, schema_version};
use crate::link::Link;
use crate::session::Bound;

pub(crate) async fn schemas(link: Link<'_>) -> Result<Vec<RegisteredSchema>, StoreError> {
    let rows = link.query(&link.sql.read_schemas, &[]).await?;
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
    link: Link<'_>,
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
    link.execute(&link.sql.insert_schemas, &values).await.map(|_| ())
}

pub(crate) async fn widen_schema(
    link: Link<'_>,
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
    link.execute(&link.sql.widen_schema, &values).await.map(|changed| changed > 0)
}
