//! What the functions that append are called with.

use annals_core::{ExpectedVersion, NewEvent, StreamId, cut_time};
use jiff::Timestamp;
use uuid::Uuid;

use crate::columns::{metadata, slice};
use crate::event_row::{JsonText, signed};

/// Events as one array a parameter of `append_batch.sql`.
#[derive(Default)]
pub(crate) struct Arguments<'a> {
    pub(crate) ids: Vec<Uuid>,
    pub(crate) types: Vec<&'a str>,
    pub(crate) schema_versions: Vec<i32>,
    pub(crate) slices: Vec<i16>,
    pub(crate) occurred_at: Vec<Option<Timestamp>>,
    pub(crate) payloads: Vec<JsonText<&'a str>>,
    pub(crate) metadata: Vec<Option<JsonText<String>>>,
}

impl<'a> Arguments<'a> {
    pub(crate) fn push(&mut self, stream: &StreamId, event: &'a NewEvent) {
        self.ids.push(event.id.get());
        self.types.push(event.event_type.as_str());
        self.schema_versions.push(event.schema_version.cast_signed());
        self.slices.push(slice(stream));
        self.occurred_at.push(event.occurred_at.map(cut_time));
        self.payloads.push(JsonText(event.payload.as_str()));
        self.metadata.push(metadata(event));
    }
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
