//! Folded states.

use annals_core::store::{SnapshotRecord, StoreError};
use annals_core::{Payload, StreamId};
use tokio_postgres::types::Type;

use crate::connection::Connector;
use crate::event_row::{JsonText, get, position, schema_version, signed, version};
use crate::session::{Bound, Session};
use crate::statements::Statements;

pub(crate) async fn snapshot(
    session: Session<'_>,
    sql: &Statements,
    connector: &Connector,
    stream: &StreamId,
) -> Result<Option<SnapshotRecord>, StoreError> {
    let stream = stream.as_str();
    let found = session.query_opt(&sql.read_snapshot, &[(&stream, Type::TEXT)]).await;
    let Some(row) = found.map_err(connector.failed())? else { return Ok(None) };
    Ok(Some(SnapshotRecord {
        version: version(&row, 0)?,
        position: position(&row, 1)?,
        schema_version: schema_version(&row, 2)?,
        state: Payload::from_stored(get::<JsonText<&str>>(&row, 3)?.0),
    }))
}

pub(crate) async fn save_snapshot(
    session: Session<'_>,
    sql: &Statements,
    connector: &Connector,
    stream: &StreamId,
    snapshot: &SnapshotRecord,
) -> Result<(), StoreError> {
    let (stream, state) = (stream.as_str(), snapshot.state.as_str());
    let (version, position) = (signed(snapshot.version.get()), signed(snapshot.position.get()));
    let schema_version = snapshot.schema_version.cast_signed();
    let values: [Bound<'_>; 5] = [
        (&stream, Type::TEXT),
        (&version, Type::INT8),
        (&position, Type::INT8),
        (&schema_version, Type::INT4),
        (&state, Type::TEXT),
    ];
    session.execute(&sql.write_snapshot, &values).await.map(|_| ()).map_err(connector.failed())
}
