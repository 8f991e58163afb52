//! Reading the log.

use annals_core::Position;
use annals_core::store::{LogFilter, LogPage, LogQuery, PageRoom, StoreError};
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::columns::at;
use crate::error::{corrupt, translate};
use crate::event_row::{EventReader, bytes, number, text};
use crate::read::{position, signed};
use crate::statements::{READ_END, READ_HEAD, READ_LOG};

/// How many events one page looks at when its filter admits few of them: it bounds the time a
/// reader is busy.
const MAX_SCANNED: usize = 200_000;

/// The end of the log, and when its last event was recorded.
pub(crate) fn read_end(
    connection: &Connection,
    place: &str,
) -> Result<(Position, Option<Timestamp>), StoreError> {
    let end: Option<(i64, i64)> = connection
        .prepare_cached(READ_END)
        .and_then(|mut statement| {
            statement.query_row([], |row| Ok((row.get(0)?, row.get(1)?))).optional()
        })
        .map_err(|error| translate(error, place))?;
    let Some((head, recorded_at)) = end else { return Ok((Position::START, None)) };
    Ok((position(head)?, Some(Timestamp::from_microsecond(recorded_at).map_err(corrupt)?)))
}

pub(crate) fn read_head(connection: &Connection, place: &str) -> Result<Position, StoreError> {
    let head = connection
        .prepare_cached(READ_HEAD)
        .and_then(|mut statement| statement.query_row([], |row| row.get(0)))
        .map_err(|error| translate(error, place))?;
    position(head)
}

/// Reads a page up to `head`, which must have been read before: what lies below it is there.
pub(crate) fn read_log(
    connection: &Connection,
    query: &LogQuery,
    head: Position,
    place: &str,
) -> Result<LogPage, StoreError> {
    let failed = |error| translate(error, place);
    let end = query.up_to.min(head);
    let mut page = LogPage { events: Vec::new(), looked_at: 0, next: query.after.max(end), head };
    if query.after >= end || query.limit == 0 {
        page.next = query.after;
        return Ok(page);
    }
    let mut statement = connection.prepare_cached(&READ_LOG).map_err(failed)?;
    let mut rows =
        statement.query(params![signed(query.after.get()), signed(end.get())]).map_err(failed)?;
    let mut reader = EventReader::default();
    let mut scanned = 0;
    let everything = query.filter == LogFilter::default();
    // Growing would move the events several times.
    page.events.reserve_exact(end.since(query.after).min(query.limit as u64) as usize);
    let (mut room, mut more) = (PageRoom::new(query.limit, query.bytes), true);
    while let Some(row) = rows.next().map_err(failed)? {
        if everything || admits(&query.filter, row)? {
            let event = reader.read(row)?;
            more = room.take(&event);
            page.events.push(event);
        }
        scanned += 1;
        if !more || scanned == MAX_SCANNED {
            page.next = Position::new(number(row, at::position)?);
            break;
        }
    }
    // Positions are dense.
    page.looked_at = page.next.since(query.after);
    Ok(page)
}

/// Whether an event is wanted, before anything is copied out of its row.
fn admits(filter: &LogFilter, row: &Row<'_>) -> Result<bool, StoreError> {
    if !filter.event_types.is_empty() {
        let name = bytes(row, at::event_type)?;
        if !filter.event_types.iter().any(|wanted| wanted.as_str().as_bytes() == name) {
            return Ok(false);
        }
    }
    if !filter.categories.is_empty() {
        let category = text(row, at::stream)?.split('-').next().unwrap_or_default();
        if !filter.categories.iter().any(|wanted| wanted == category) {
            return Ok(false);
        }
    }
    match &filter.slices {
        Some(slices) => {
            let slice = number(row, at::slice)?;
            Ok((u64::from(slices.start)..u64::from(slices.end)).contains(&slice))
        }
        None => Ok(true),
    }
}
