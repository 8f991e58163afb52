//! The columns of `events`, listed once: statements that read or write whole events are filled in from
//! here, rows are read by the same places, and values stand in the same order.

use annals_core::{Metadata, NewEvent, StreamId};
use jiff::Timestamp;
use tokio_postgres::types::{ToSql, Type};
use uuid::Uuid;

use crate::event_row::{JsonText, signed};
use crate::judge::Placed;

macro_rules! columns {
    ($($field:ident $name:literal: $value:ty, $one:ident, $many:ident;)*) => {
        const NAMES: &[&str] = &[$($name),*];

        /// Where each column stands in a row that was read by `{event_columns}`.
        #[allow(non_camel_case_types, non_upper_case_globals)]
        pub(crate) mod at {
            enum Place { $($field),* }
            $(pub(crate) const $field: usize = Place::$field as usize;)*
        }

        /// The values of one event.
        pub(crate) struct StoredEvent<'e> { $($field: $value,)* }

        impl StoredEvent<'_> {
            pub(crate) const TYPES: &'static [Type] = &[$(Type::$one),*];

            pub(crate) fn values(&self) -> [&(dyn ToSql + Sync); NAMES.len()] {
                [$(&self.$field),*]
            }
        }

        /// The values of many events, one array a column.
        #[derive(Default)]
        pub(crate) struct StoredEvents<'e> { $($field: Vec<$value>,)* }

        impl<'e> StoredEvents<'e> {
            pub(crate) const TYPES: &'static [Type] = &[$(Type::$many),*];

            pub(crate) fn push(&mut self, event: StoredEvent<'e>) {
                $(self.$field.push(event.$field);)*
            }

            pub(crate) fn values(&self) -> [&(dyn ToSql + Sync); NAMES.len()] {
                [$(&self.$field),*]
            }
        }
    };
}

columns! {
    position "position": i64, INT8, INT8_ARRAY;
    stream "stream": &'e str, TEXT, TEXT_ARRAY;
    version "version": i64, INT8, INT8_ARRAY;
    id "id": Uuid, UUID, UUID_ARRAY;
    event_type "type": &'e str, TEXT, TEXT_ARRAY;
    schema_version "schema_version": i32, INT4, INT4_ARRAY;
    recorded_at "recorded_at": Timestamp, TIMESTAMPTZ, TIMESTAMPTZ_ARRAY;
    occurred_at "occurred_at": Timestamp, TIMESTAMPTZ, TIMESTAMPTZ_ARRAY;
    payload "payload": JsonText<&'e str>, JSON, JSON_ARRAY;
    metadata "metadata": Option<JsonText<String>>, JSON, JSON_ARRAY;
    // What an event is found by and nobody reads comes last: see `READ`.
    slice "slice": i16, INT2, INT2_ARRAY;
}

/// How many columns are read.
pub(crate) const READ: usize = at::slice;

/// Lists the columns where a statement says so: `{event_columns}` those that are read, and
/// `{stored_columns}` all, with `{stored_values}` as their parameters.
pub(crate) fn listed(sql: &str) -> String {
    let values: Vec<String> = (1..=NAMES.len()).map(|number| format!("${number}")).collect();
    sql.replace("{event_columns}", &NAMES[..READ].join(", "))
        .replace("{stored_columns}", &NAMES.join(", "))
        .replace("{stored_values}", &values.join(", "))
}

impl<'e> StoredEvent<'e> {
    pub(crate) fn of(placed: &Placed<'e>, now: Timestamp) -> Self {
        let event = placed.event;
        Self {
            position: signed(placed.position.get()),
            stream: placed.stream.as_str(),
            version: signed(placed.version.get()),
            id: event.id.get(),
            event_type: event.event_type.as_str(),
            schema_version: event.schema_version.cast_signed(),
            recorded_at: now,
            occurred_at: event.happened(now),
            payload: JsonText(event.payload.as_str()),
            metadata: metadata(event),
            slice: slice(placed.stream),
        }
    }
}

/// A slice is smaller than 1,024.
pub(crate) fn slice(stream: &StreamId) -> i16 {
    stream.slice().get().cast_signed()
}

pub(crate) fn metadata(event: &NewEvent) -> Option<JsonText<String>> {
    (event.metadata != Metadata::default())
        // Texts, and a map of them, can always be written as JSON.
        .then(|| JsonText(serde_json::to_string(&event.metadata).unwrap_or_default()))
}
