//! From a row of `events` to an envelope, without work that can be shared.

use std::error::Error;
use std::fmt::Debug;
use std::sync::Arc;

use annals_core::store::StoreError;
use annals_core::{
    EventId, EventType, Metadata, Payload, Position, RecordedEvent, StreamId, StreamVersion,
};
use jiff::Timestamp;
use tokio_postgres::Row;
use tokio_postgres::types::private::BytesMut;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, to_sql_checked};
use uuid::Uuid;

use crate::columns::at;
use crate::error::corrupt;

/// JSON as the text it is on its way.
#[derive(Debug)]
pub(crate) struct JsonText<T>(pub(crate) T);

impl<'r> FromSql<'r> for JsonText<&'r str> {
    fn from_sql(_: &Type, raw: &'r [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Self(std::str::from_utf8(raw)?))
    }

    fn accepts(as_type: &Type) -> bool {
        *as_type == Type::JSON
    }
}

impl<T: AsRef<str> + Debug> ToSql for JsonText<T> {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        out.extend_from_slice(self.0.as_ref().as_bytes());
        Ok(IsNull::No)
    }

    fn accepts(as_type: &Type) -> bool {
        *as_type == Type::JSON
    }

    to_sql_checked!();
}

/// Reads rows whose columns are the `{event_columns}` of a statement.
#[derive(Default)]
pub(crate) struct EventReader {
    /// The types of a program are few, and the next event is most likely of one just seen.
    types: Vec<EventType>,
    last_stream: Option<StreamId>,
    no_metadata: Arc<Metadata>,
}

impl EventReader {
    pub(crate) fn read(&mut self, row: &Row) -> Result<RecordedEvent, StoreError> {
        let metadata: Option<JsonText<&str>> = get(row, at::metadata)?;
        let metadata = match metadata {
            None => self.no_metadata.clone(),
            Some(JsonText(text)) => serde_json::from_str(text).map(Arc::new).map_err(corrupt)?,
        };
        let payload: JsonText<&str> = get(row, at::payload)?;
        Ok(RecordedEvent {
            position: position(row, at::position)?,
            stream: self.stream(get(row, at::stream)?)?,
            version: version(row, at::version)?,
            id: EventId::new(get::<Uuid>(row, at::id)?),
            event_type: self.event_type(get(row, at::event_type)?),
            schema_version: schema_version(row, at::schema_version)?,
            recorded_at: get::<Timestamp>(row, at::recorded_at)?,
            occurred_at: get::<Timestamp>(row, at::occurred_at)?,
            payload: Payload::from_stored(payload.0),
            metadata,
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
        let known = self.types.iter().position(|known| known.as_str() == name);
        let place = known.unwrap_or_else(|| {
            self.types.push(EventType::from(name));
            self.types.len() - 1
        });
        self.types.swap(place, 0);
        self.types[0].clone()
    }
}

pub(crate) fn get<'r, T: FromSql<'r>>(row: &'r Row, place: usize) -> Result<T, StoreError> {
    row.try_get(place).map_err(corrupt)
}

pub(crate) fn number(row: &Row, place: usize) -> Result<u64, StoreError> {
    u64::try_from(get::<i64>(row, place)?).map_err(corrupt)
}

pub(crate) fn position(row: &Row, place: usize) -> Result<Position, StoreError> {
    number(row, place).map(Position::new)
}

pub(crate) fn version(row: &Row, place: usize) -> Result<StreamVersion, StoreError> {
    number(row, place).map(StreamVersion::new)
}

pub(crate) fn schema_version(row: &Row, place: usize) -> Result<u32, StoreError> {
    u32::try_from(get::<i32>(row, place)?).map_err(corrupt)
}

/// A number as PostgreSQL keeps it; none that is stored is larger.
pub(crate) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
