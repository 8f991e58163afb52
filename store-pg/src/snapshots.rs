//! Folded states, by stream and the state's name.

use annals_core::store::{SnapshotRecord, StoreError};
use annals_core::{Payload, StreamId};
use tokio_postgres::types::Type;

use crate::event_row::{JsonText, get, position, signed, version};
use crate::link::Link;
use crate::session::Bound;

pub(crate) async fn snapshot(
    link: Link<'_>,
    stream: &StreamId,
    state: &str,
) -> Result<Option<SnapshotRecord>, StoreError> {
    let stream = stream.as_str();
    let key: [Bound<'_>; 2] = [(&stream, Type::TEXT), (&state, Type::TEXT)];
    let found = link.query_opt(&link.sql.read_snapshot, &key).await?;
    let Some(row) = found else { return Ok(None) };
    Ok(Some(SnapshotRecord {
        version: version(&row, 0)?,
        position: position(&row, 1)?,
        shape: get::<i64>(&row, 2)?.cast_unsigned(),
        state: Payload::from_stored(get::<JsonText<&str>>(&row, 3)?.0),
    }))
}

pub(crate) async fn save_snapshot(
    link: Link<'_>,
    stream: &StreamId,
    state: &str,
    snapshot: &SnapshotRecord,
) -> Result<(), StoreError> {
    let (stream, content) = (stream.as_str(), snapshot.state.as_str());
    let (version, position) = (signed(snapshot.version.get()), signed(snapshot.position.get()));
    let shape = snapshot.shape.cast_signed();
    let values: [Bound<'_>; 6] = [
        (&stream, Type::TEXT),
        (&state, Type::TEXT),
        (&version, Type::INT8),
        (&position, Type::INT8),
        (&shape, Type::INT8),
        (&content, Type::TEXT),
    ];
    link.execute(&link.sql.write_snapshot, &values).await.map(|_| ())
}
