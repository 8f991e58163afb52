//! Events on their way into statements.

use annals_core::{ExpectedVersion, Metadata, NewEvent, StreamId, cut_time};
use jiff::Timestamp;
use uuid::Uuid;

use crate::event_row::{JsonText, signed};

/// Events as one array a column.
#[derive(Default)]
pub(crate) struct Columns<'a> {
    pub(crate) streams: Vec<&'a str>,
    pub(crate) ids: Vec<Uuid>,
    pub(crate) types: Vec<&'a str>,
    pub(crate) schema_versions: Vec<i32>,
    pub(crate) slices: Vec<i16>,
    pub(crate) occurred_at: Vec<Option<Timestamp>>,
    pub(crate) payloads: Vec<JsonText<&'a str>>,
    pub(crate) metadata: Vec<Option<JsonText<String>>>,
}

impl<'a> Columns<'a> {
    pub(crate) fn push(&mut self, stream: &'a StreamId, event: &'a NewEvent) {
        self.streams.push(stream.as_str());
        self.ids.push(event.id.get());
        self.types.push(event.event_type.as_str());
        self.schema_versions.push(event.schema_version.cast_signed());
        self.slices.push(slice(stream));
        self.occurred_at.push(event.occurred_at.map(cut_time));
        self.payloads.push(JsonText(event.payload.as_str()));
        self.metadata.push(metadata(event));
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

/// As `append_batch.sql` and `append_one.sql` want it.
pub(crate) fn expectation(expected: ExpectedVersion) -> i64 {
    match expected {
        ExpectedVersion::Any => -1,
        ExpectedVersion::StreamExists => -2,
        ExpectedVersion::NoStream => 0,
        ExpectedVersion::Exact(version) => signed(version.get()),
    }
}
