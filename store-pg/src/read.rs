//! Reading a stream.

use std::pin::pin;

use annals_core::store::{
    PageRoom, PayloadVisitor, ReadDirection, StoreError, StoredPayload, StreamQuery,
};
use annals_core::{Position, RecordedEvent, StreamId, StreamVersion};
use futures_util::TryStreamExt;
use tokio_postgres::types::Type;

use crate::connection::Connector;
use crate::event_row::{EventReader, JsonText, get, position, signed};
use crate::session::{Bound, Session};
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
    let parameters: [Bound<'_>; 4] =
        [(&stream, Type::TEXT), (&from, Type::INT8), (&to, Type::INT8), (&limit, Type::INT8)];
    let mut rows = pin!(session.stream(text, &parameters).await.map_err(&failed)?);
    let mut reader = EventReader::default();
    let mut events = Vec::new();
    let mut room = PageRoom::new(query.limit, query.bytes);
    while let Some(row) = rows.try_next().await.map_err(&failed)? {
        let event = reader.read(&row)?;
        let more = room.take(&event);
        events.push(event);
        if !more {
            break;
        }
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
    let (above, up_to) = (signed(after.get()), signed(up_to.get()));
    let parameters: [Bound<'_>; 3] =
        [(&stream, Type::TEXT), (&above, Type::INT8), (&up_to, Type::INT8)];
    let rows = session.stream(&sql.visit_stream, &parameters).await.map_err(&failed)?;
    let mut rows = pin!(rows);
    let (mut version, mut last) = (after, Position::START);
    while let Some(row) = rows.try_next().await.map_err(&failed)? {
        version = version.plus(1);
        let event = StoredPayload {
            version,
            event_type: get(&row, 0)?,
            schema_version: get::<Option<i32>>(&row, 1)?.map_or(1, i32::cast_unsigned),
            payload: get::<JsonText<&str>>(&row, 2)?.0,
        };
        last = position(&row, 3)?;
        if visitor(event).is_break() {
            break;
        }
    }
    Ok(last)
}
