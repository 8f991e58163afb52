//! Handing a stream's payloads over where they are.
//!
//! The first events are read on the thread of the caller: for a short stream a change of threads and
//! back takes longer than the read. What is longer goes on where it may block.

use annals_core::store::{PayloadVisitor, StoreError, StoredPayload};
use annals_core::{Position, StreamId, StreamVersion};
use rusqlite::{Connection, Row, params};

use crate::error::{corrupt, translate};
use crate::event_row::{bytes, number, text};
use crate::read::{position, signed};
use crate::statements::{FIND_POSITION, VISIT_START, VISIT_STREAM};

/// How many events are read on the caller's thread at the most.
const START_EVENTS: u64 = 64;

/// How many bytes of payloads are.
const START_BYTES: usize = 64 << 10;

/// Where the version and the payload stand in both statements, and the position in the first.
const VERSION: usize = 0;
const TYPE: usize = 1;
const SCHEMA_VERSION: usize = 2;
const PAYLOAD: usize = 3;
const POSITION: usize = 4;

/// A visit under way.
pub(crate) struct Visit {
    stream: StreamId,
    /// Everything up to here was handed over.
    after: StreamVersion,
    up_to: StreamVersion,
    visitor: PayloadVisitor,
    /// The type of the last event, which the next most likely has too.
    event_type: String,
    last: Position,
}

impl Visit {
    pub(crate) fn new(
        stream: StreamId,
        (after, up_to): (StreamVersion, StreamVersion),
        visitor: PayloadVisitor,
    ) -> Self {
        let event_type = String::new();
        Self { stream, after, up_to, visitor, event_type, last: Position::START }
    }

    /// Hands over the first events. Returns the position of the last one if that was all, or the
    /// visitor has had enough.
    pub(crate) fn start(
        &mut self,
        connection: &Connection,
        place: &str,
    ) -> Result<Option<Position>, StoreError> {
        let failed = |error| translate(error, place);
        let mut statement = connection.prepare_cached(VISIT_START).map_err(failed)?;
        let (after, up_to) = (signed(self.after.get()), signed(self.up_to.get()));
        let range = params![self.stream.as_str(), after, up_to, signed(START_EVENTS)];
        let mut rows = statement.query(range).map_err(failed)?;
        let (mut events, mut seen) = (0, 0);
        while let Some(row) = rows.next().map_err(failed)? {
            events += 1;
            seen += bytes(row, PAYLOAD)?.len();
            self.last = position(row.get(POSITION).map_err(failed)?)?;
            if !self.hand_over(row)? {
                return Ok(Some(self.last));
            }
            if seen >= START_BYTES {
                return Ok(None);
            }
        }
        Ok((events < START_EVENTS).then_some(self.last))
    }

    /// Hands over the rest, and returns the position of the last event.
    pub(crate) fn go_on(
        mut self,
        connection: &Connection,
        place: &str,
    ) -> Result<Position, StoreError> {
        let failed = |error| translate(error, place);
        let begun = self.after;
        let mut statement = connection.prepare_cached(VISIT_STREAM).map_err(failed)?;
        let (after, up_to) = (signed(self.after.get()), signed(self.up_to.get()));
        let range = params![self.stream.as_str(), after, up_to];
        let mut rows = statement.query(range).map_err(failed)?;
        while let Some(row) = rows.next().map_err(failed)? {
            if !self.hand_over(row)? {
                break;
            }
        }
        if self.after == begun {
            return Ok(self.last);
        }
        let mut statement = connection.prepare_cached(FIND_POSITION).map_err(failed)?;
        let last = params![self.stream.as_str(), signed(self.after.get())];
        position(statement.query_row(last, |row| row.get(0)).map_err(failed)?)
    }

    /// Whether the visitor wants more.
    fn hand_over(&mut self, row: &Row<'_>) -> Result<bool, StoreError> {
        if bytes(row, TYPE)? != self.event_type.as_bytes() {
            text(row, TYPE)?.clone_into(&mut self.event_type);
        }
        self.after = StreamVersion::new(number(row, VERSION)?);
        let event = StoredPayload {
            version: self.after,
            event_type: &self.event_type,
            schema_version: u32::try_from(number(row, SCHEMA_VERSION)?).map_err(corrupt)?,
            payload: text(row, PAYLOAD)?,
        };
        Ok((self.visitor)(event).is_continue())
    }
}
