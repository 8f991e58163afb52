//! The columns of `annals_events`, listed once: statements that read or write whole events are filled
//! in from here, rows are read by the same places, and values stand in the same order.

use annals_core::{Metadata, NewEvent, StreamId, StreamVersion};
use jiff::Timestamp;
use rusqlite::ToSql;

use crate::read::signed;

macro_rules! columns {
    (position; $($field:ident $name:literal: $value:ty;)*) => {
        const NAMES: &[&str] = &["position", $($name),*];

        /// Where each column stands in a row that was read by `{event_columns}`.
        #[allow(non_camel_case_types, non_upper_case_globals)]
        pub(crate) mod at {
            enum Place { position, $($field),* }
            pub(crate) const position: usize = Place::position as usize;
            $(pub(crate) const $field: usize = Place::$field as usize;)*
        }

        /// The values of one event, but for its position: the database picks the next.
        pub(crate) struct StoredEvent<'e> { $($field: $value,)* }

        impl StoredEvent<'_> {
            pub(crate) fn values(&self) -> [&dyn ToSql; NAMES.len() - 1] {
                [$(&self.$field),*]
            }
        }
    };
}

columns! {
    position;
    stream "stream": &'e str;
    version "version": i64;
    id "id": [u8; 16];
    event_type "type": &'e str;
    schema_version "schema_version": u32;
    recorded_at "recorded_at": i64;
    occurred_at "occurred_at": i64;
    payload "payload": &'e str;
    metadata "metadata": Option<String>;
    // What an event is found by and is no part of it comes last: see `READ`.
    slice "slice": u16;
}

/// How many columns are read.
const READ: usize = at::slice;

/// Lists the columns where a statement says so: `{event_columns}` those that are read, and
/// `{stored_columns}` those that are written, with `{stored_values}` as their parameters.
pub(crate) fn listed(sql: &str) -> String {
    let values: Vec<String> = (1..NAMES.len()).map(|number| format!("?{number}")).collect();
    sql.replace("{event_columns}", &NAMES[..READ].join(", "))
        .replace("{stored_columns}", &NAMES[1..].join(", "))
        .replace("{stored_values}", &values.join(", "))
}

impl<'e> StoredEvent<'e> {
    pub(crate) fn of(
        stream: &'e StreamId,
        version: StreamVersion,
        event: &'e NewEvent,
        now: Timestamp,
    ) -> Self {
        let metadata = &event.metadata;
        Self {
            stream: stream.as_str(),
            version: signed(version.get()),
            id: event.id.get().into_bytes(),
            event_type: event.event_type.as_str(),
            schema_version: event.schema_version,
            recorded_at: now.as_microsecond(),
            occurred_at: event.happened(now).as_microsecond(),
            payload: event.payload.as_str(),
            metadata: (*metadata != Metadata::default())
                // Texts, and a map of them, can always be written as JSON.
                .then(|| serde_json::to_string(metadata).unwrap_or_default()),
            slice: stream.slice().get(),
        }
    }
}
