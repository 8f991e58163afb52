//! Reading a stream.

use std::pin::pin;

use annals_core::store::{PayloadVisitor, ReadDirection, StoreError, StoredPayload, StreamQuery};
use annals_core::{Position, RecordedEvent, StreamId, StreamVersion};
use futures_util::TryStreamExt;
use tokio_postgres::types::Type;

use crate::connection::Connector;
use crate::event_row::{EventReader, JsonText, get, position, schema_version, signed, version};
use crate::session::Session;
use crate::statements::Statements;

pub(crate) async fn read_stream(
    session: Session<'_>,
    sql: &Statements,
    connector: &Connector,
    query: &StreamQuery,
) -> Result<Vec<RecordedEvent>, StoreError> {
    let failed = connector.failed();
    let text = match query.direction {
        ReadDirection::Forward => &sql.read_stream_forward,
        ReadDirection::Backward => &sql.read_stream_backward,
    };
    let stream = query.stream.as_str();
    let (from, to) = (signed(query.from.get()), signed(query.to.get()));
    let limit = query.limit as i64;
    let parameters: [crate::session::Bound<'_>; 4] =
        [(&stream, Type::TEXT), (&from, Type::INT8), (&to, Type::INT8), (&limit, Type::INT8)];
    let mut rows = pin!(session.stream(text, &parameters).await.map_err(&failed)?);
    let mut reader = EventReader::default();
    let mut events = Vec::new();
    while let Some(row) = rows.try_next().await.map_err(&failed)? {
        events.push(reader.read(&row)?);
    }
    Ok(events)
}

pub(crate) async fn visit_stream(
    session: Session<'_>,
    sql: &Statements,
    connector: &Connector,
    stream: &StreamId,
    (after, up_to): (StreamVersion, StreamVersion),
    mut visitor: PayloadVisitor,
) -> Result<Position, StoreError> {
    let failed = connector.failed();
    let stream = stream.as_str();
    let (after, up_to) = (signed(after.get()), signed(up_to.get()));
    let parameters: [crate::session::Bound<'_>; 3] =
        [(&stream, Type::TEXT), (&after, Type::INT8), (&up_to, Type::INT8)];
    let rows = session.stream(&sql.visit_stream, &parameters).await.map_err(&failed)?;
    let mut rows = pin!(rows);
    let mut last = Position::START;
    while let Some(row) = rows.try_next().await.map_err(&failed)? {
        let event = StoredPayload {
            version: version(&row, 0)?,
            event_type: get(&row, 2)?,
            schema_version: schema_version(&row, 3)?,
            payload: get::<JsonText<&str>>(&row, 4)?.0,
        };
        last = position(&row, 1)?;
        if visitor(event).is_break() {
            break;
        }
    }
    Ok(last)
}
