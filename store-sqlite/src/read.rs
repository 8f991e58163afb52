//! Reading a stream.

use annals_core::store::{
    PageRoom, PayloadVisitor, ReadDirection, StoreError, StoredPayload, StreamQuery,
};
use annals_core::{Position, RecordedEvent, StreamId, StreamVersion};
use rusqlite::{Connection, params};

use crate::error::{corrupt, translate};
use crate::event_row::{EventReader, bytes, number, text};
use crate::statements::{FIND_POSITION, READ_STREAM_BACKWARD, READ_STREAM_FORWARD, VISIT_STREAM};

/// Room for the events of a short stream, so that its page is not moved while it grows.
const FIRST_ROOM: usize = 64;

pub(crate) fn read_stream(
    connection: &Connection,
    query: &StreamQuery,
    place: &str,
) -> Result<Vec<RecordedEvent>, StoreError> {
    let sql = match query.direction {
        ReadDirection::Forward => READ_STREAM_FORWARD,
        ReadDirection::Backward => READ_STREAM_BACKWARD,
    };
    let failed = |error| translate(error, place);
    let mut statement = connection.prepare_cached(sql).map_err(failed)?;
    let mut rows = statement
        .query(params![
            query.stream.as_str(),
            signed(query.from.get()),
            signed(query.to.get()),
            query.limit as i64,
        ])
        .map_err(failed)?;
    let mut reader = EventReader::of_stream(query.stream.clone());
    let mut events = Vec::with_capacity(query.limit.min(FIRST_ROOM));
    let mut room = PageRoom::new(query.limit, query.bytes);
    while let Some(row) = rows.next().map_err(failed)? {
        let event = reader.read(row)?;
        let more = room.take(&event);
        events.push(event);
        if !more {
            break;
        }
    }
    Ok(events)
}

pub(crate) fn visit_stream(
    connection: &Connection,
    stream: &StreamId,
    after: StreamVersion,
    up_to: StreamVersion,
    mut visitor: PayloadVisitor,
    place: &str,
) -> Result<Position, StoreError> {
    let failed = |error| translate(error, place);
    let mut statement = connection.prepare_cached(VISIT_STREAM).map_err(failed)?;
    let range = params![stream.as_str(), signed(after.get()), signed(up_to.get())];
    let mut rows = statement.query(range).map_err(failed)?;
    // An event is most likely of the type of the one before.
    let mut event_type = String::new();
    let mut last = StreamVersion::NONE;
    while let Some(row) = rows.next().map_err(failed)? {
        if bytes(row, 1)? != event_type.as_bytes() {
            text(row, 1)?.clone_into(&mut event_type);
        }
        last = StreamVersion::new(number(row, 0)?);
        let event = StoredPayload {
            version: last,
            event_type: &event_type,
            schema_version: u32::try_from(number(row, 2)?).map_err(corrupt)?,
            payload: text(row, 3)?,
        };
        if visitor(event).is_break() {
            break;
        }
    }
    if last == StreamVersion::NONE {
        return Ok(Position::START);
    }
    let mut statement = connection.prepare_cached(FIND_POSITION).map_err(failed)?;
    let found = statement.query_row(params![stream.as_str(), signed(last.get())], |row| row.get(0));
    position(found.map_err(failed)?)
}

/// A number as SQLite keeps it; none that is stored is larger.
pub(crate) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A position from a row.
pub(crate) fn position(number: i64) -> Result<Position, StoreError> {
    u64::try_from(number).map(Position::new).map_err(corrupt)
}
