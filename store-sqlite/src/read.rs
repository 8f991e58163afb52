//! Reading a stream.

use annals_core::store::{PageRoom, ReadDirection, StoreError, StreamQuery};
use annals_core::{Position, RecordedEvent};
use rusqlite::{Connection, params};

use crate::error::{corrupt, translate};
use crate::event_row::EventReader;
use crate::statements::{READ_STREAM_BACKWARD, READ_STREAM_FORWARD};

/// Room for the events of a short stream, so that its page is not moved while it grows.
const FIRST_ROOM: usize = 64;

pub(crate) fn read_stream(
    connection: &Connection,
    query: &StreamQuery,
    place: &str,
) -> Result<Vec<RecordedEvent>, StoreError> {
    let sql = match query.direction {
        ReadDirection::Forward => &READ_STREAM_FORWARD,
        ReadDirection::Backward => &READ_STREAM_BACKWARD,
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

/// A number as SQLite keeps it; none that is stored is larger.
pub(crate) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A position from a row.
pub(crate) fn position(number: i64) -> Result<Position, StoreError> {
    u64::try_from(number).map(Position::new).map_err(corrupt)
}
