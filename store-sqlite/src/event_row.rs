//! From a row of `annals_events` to an envelope, without work that can be shared.

use std::collections::HashMap;
use std::sync::Arc;

use annals_core::store::StoreError;
use annals_core::{
    EventId, EventType, Metadata, Payload, Position, RecordedEvent, StreamId, StreamVersion,
};
use jiff::Timestamp;
use rusqlite::Row;
use rusqlite::types::ValueRef;
use uuid::Uuid;

use crate::error::corrupt;

/// Reads rows whose columns stand in the order of `read_stream_*.sql` and `read_log.sql`.
#[derive(Default)]
pub(crate) struct EventReader {
    types: HashMap<Box<str>, EventType>,
    last_stream: Option<StreamId>,
    no_metadata: Arc<Metadata>,
}

impl EventReader {
    pub(crate) fn read(&mut self, row: &Row<'_>) -> Result<RecordedEvent, StoreError> {
        let recorded_at = time(row, 6)?;
        Ok(RecordedEvent {
            position: Position::new(number(row, 0)?),
            stream: self.stream(text(row, 1)?)?,
            version: StreamVersion::new(number(row, 2)?),
            id: id(row, 3)?,
            event_type: self.event_type(text(row, 4)?),
            schema_version: u32::try_from(number(row, 5)?).map_err(corrupt)?,
            recorded_at,
            occurred_at: time(row, 7)?,
            payload: Payload::from_stored(text(row, 8)?),
            metadata: self.metadata(row)?,
        })
    }

    fn stream(&mut self, name: &str) -> Result<StreamId, StoreError> {
        if let Some(last) = &self.last_stream
            && last.as_str() == name
        {
            return Ok(last.clone());
        }
        let stream = StreamId::parse(name).map_err(corrupt)?;
        self.last_stream = Some(stream.clone());
        Ok(stream)
    }

    fn event_type(&mut self, name: &str) -> EventType {
        if let Some(known) = self.types.get(name) {
            return known.clone();
        }
        let event_type = EventType::from(name);
        self.types.insert(name.into(), event_type.clone());
        event_type
    }

    fn metadata(&self, row: &Row<'_>) -> Result<Arc<Metadata>, StoreError> {
        let all_null = (9..15).all(|place| matches!(row.get_ref(place), Ok(ValueRef::Null)));
        if all_null {
            return Ok(self.no_metadata.clone());
        }
        let custom = match optional_text(row, 14)? {
            Some(custom) => serde_json::from_str(&custom).map_err(corrupt)?,
            None => Default::default(),
        };
        Ok(Arc::new(Metadata {
            source: optional_text(row, 9)?,
            correlation_id: optional_text(row, 10)?,
            causation_id: optional_text(row, 11)?,
            traceparent: optional_text(row, 12)?,
            actor: optional_text(row, 13)?,
            custom,
        }))
    }
}

pub(crate) fn text<'r>(row: &'r Row<'_>, place: usize) -> Result<&'r str, StoreError> {
    row.get_ref(place).map_err(corrupt)?.as_str().map_err(corrupt)
}

fn optional_text(row: &Row<'_>, place: usize) -> Result<Option<String>, StoreError> {
    row.get(place).map_err(corrupt)
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
