//! From a row of `annals_events` to an envelope, without work that can be shared.

use std::sync::Arc;

use annals_core::store::StoreError;
use annals_core::{
    EventId, EventType, Metadata, Payload, Position, RecordedEvent, StreamId, StreamVersion,
};
use jiff::Timestamp;
use rusqlite::Row;
use rusqlite::types::ValueRef;
use uuid::Uuid;

use crate::columns::at;
use crate::error::corrupt;

/// Reads rows whose columns are the `{event_columns}` of a statement.
#[derive(Default)]
pub(crate) struct EventReader {
    /// The types of a program are few, and the next event is most likely of one just seen.
    types: Vec<EventType>,
    only_stream: Option<StreamId>,
    last_stream: Option<StreamId>,
    no_metadata: Arc<Metadata>,
}

impl EventReader {
    /// A reader of rows that all belong to one stream.
    pub(crate) fn of_stream(stream: StreamId) -> Self {
        Self { only_stream: Some(stream), ..Self::default() }
    }

    pub(crate) fn read(&mut self, row: &Row<'_>) -> Result<RecordedEvent, StoreError> {
        let recorded_at = time(row, at::recorded_at)?;
        Ok(RecordedEvent {
            position: Position::new(number(row, at::position)?),
            stream: self.stream(row)?,
            version: StreamVersion::new(number(row, at::version)?),
            id: id(row, at::id)?,
            event_type: self.event_type(row)?,
            schema_version: u32::try_from(number(row, at::schema_version)?).map_err(corrupt)?,
            recorded_at,
            occurred_at: time(row, at::occurred_at)?,
            payload: Payload::from_stored(text(row, at::payload)?),
            metadata: self.metadata(row)?,
        })
    }

    fn stream(&mut self, row: &Row<'_>) -> Result<StreamId, StoreError> {
        if let Some(only) = &self.only_stream {
            return Ok(only.clone());
        }
        if let Some(last) = &self.last_stream
            && last.as_str().as_bytes() == bytes(row, at::stream)?
        {
            return Ok(last.clone());
        }
        let stream = StreamId::parse(text(row, at::stream)?).map_err(corrupt)?;
        self.last_stream = Some(stream.clone());
        Ok(stream)
    }

    fn event_type(&mut self, row: &Row<'_>) -> Result<EventType, StoreError> {
        let name = bytes(row, at::event_type)?;
        let known = self.types.iter().position(|known| known.as_str().as_bytes() == name);
        let place = match known {
            Some(place) => place,
            None => {
                self.types.push(EventType::from(text(row, at::event_type)?));
                self.types.len() - 1
            }
        };
        self.types.swap(place, 0);
        Ok(self.types[0].clone())
    }

    fn metadata(&self, row: &Row<'_>) -> Result<Arc<Metadata>, StoreError> {
        match row.get_ref(at::metadata).map_err(corrupt)? {
            ValueRef::Null => Ok(self.no_metadata.clone()),
            _ => serde_json::from_str(text(row, at::metadata)?).map(Arc::new).map_err(corrupt),
        }
    }
}

/// Text as it stands in the file: enough to compare it.
pub(crate) fn bytes<'r>(row: &'r Row<'_>, place: usize) -> Result<&'r [u8], StoreError> {
    row.get_ref(place).map_err(corrupt)?.as_bytes().map_err(corrupt)
}

pub(crate) fn text<'r>(row: &'r Row<'_>, place: usize) -> Result<&'r str, StoreError> {
    row.get_ref(place).map_err(corrupt)?.as_str().map_err(corrupt)
}

pub(crate) fn number(row: &Row<'_>, place: usize) -> Result<u64, StoreError> {
    let number = row.get_ref(place).map_err(corrupt)?.as_i64().map_err(corrupt)?;
    u64::try_from(number).map_err(corrupt)
}

pub(crate) fn time(row: &Row<'_>, place: usize) -> Result<Timestamp, StoreError> {
    let micros = row.get_ref(place).map_err(corrupt)?.as_i64().map_err(corrupt)?;
    Timestamp::from_microsecond(micros).map_err(corrupt)
}

fn id(row: &Row<'_>, place: usize) -> Result<EventId, StoreError> {
    let bytes = row.get_ref(place).map_err(corrupt)?.as_blob().map_err(corrupt)?;
    Uuid::from_slice(bytes).map(EventId::new).map_err(corrupt)
}
