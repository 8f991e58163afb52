//! Looking through the store: the list of streams, and an event by its id.

use annals_core::store::{Browse, StoreError, StreamSummary, StreamsQuery};
use annals_core::{EventId, Position, RecordedEvent, StreamId, StreamVersion};
use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension, params};

use crate::SqliteStore;
use crate::error::{corrupt, translate};
use crate::event_row::{EventReader, number, text, time};
use crate::statements::{LIST_STREAMS, READ_EVENT};

#[async_trait]
impl Browse for SqliteStore {
    async fn streams(&self, query: &StreamsQuery) -> Result<Vec<StreamSummary>, StoreError> {
        let (query, place) = (query.clone(), self.place());
        self.readers().read(move |c| list_streams(c, &query, &place)).await
    }

    async fn event(&self, id: EventId) -> Result<Option<RecordedEvent>, StoreError> {
        let place = self.place();
        self.readers().read(move |c| read_event(c, id, &place)).await
    }
}

fn list_streams(
    connection: &Connection,
    query: &StreamsQuery,
    place: &str,
) -> Result<Vec<StreamSummary>, StoreError> {
    if query.limit == 0 {
        return Ok(Vec::new());
    }
    let failed = |error| translate(error, place);
    let (low, high) = query.bounds();
    let mut statement = connection.prepare_cached(LIST_STREAMS).map_err(failed)?;
    let mut rows = statement.query(params![low, high, query.limit as i64]).map_err(failed)?;
    let mut streams = Vec::new();
    while let Some(row) = rows.next().map_err(failed)? {
        streams.push(StreamSummary {
            stream: StreamId::parse(text(row, 0)?).map_err(corrupt)?,
            version: StreamVersion::new(number(row, 1)?),
            position: Position::new(number(row, 2)?),
            recorded_at: time(row, 3)?,
        });
    }
    // They come as they were found, which nothing promises of a join; sorted, it costs nothing.
    streams.sort_by(|a, b| a.stream.as_str().cmp(b.stream.as_str()));
    Ok(streams)
}

fn read_event(
    connection: &Connection,
    id: EventId,
    place: &str,
) -> Result<Option<RecordedEvent>, StoreError> {
    let failed = |error| translate(error, place);
    let mut statement = connection.prepare_cached(&READ_EVENT).map_err(failed)?;
    let event = statement
        .query_row([id.get().as_bytes()], |row| Ok(EventReader::default().read(row)))
        .optional()
        .map_err(failed)?;
    event.transpose()
}
