//! One line of the file: read, checked, and turned into an append.

use std::borrow::Cow;

use annals::store::Append;
use annals::{
    Date, EventId, ExpectedVersion, Metadata, NewEvent, StreamId, StreamVersion, Timestamp, Uuid,
};
use serde::Deserialize;

use crate::translate::{self, Facts};

/// What is wrong with a line.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LineError {
    #[error("it is not the JSON of an event: {0}")]
    Json(#[from] serde_json::Error),
    #[error("`{field}` is `{value}`: {why}")]
    Field { field: &'static str, value: String, why: String },
    #[error("no event is known for activity `{activity}` with lifecycle `{lifecycle}`")]
    UnknownActivity { activity: String, lifecycle: String },
    #[error(
        "case {case} goes on with index {found}, and {expected} was to come: a line is missing, or stands twice"
    )]
    OutOfOrder { case: u32, expected: u64, found: u64 },
    #[error("the file cannot be read on from here: {0}")]
    Unreadable(std::io::Error),
    #[error("it cannot be stored: {0}")]
    Unstorable(Box<dyn std::error::Error + Send + Sync>),
}

#[derive(Deserialize)]
struct Line<'l> {
    #[serde(borrow)]
    case: Cow<'l, str>,
    index: u64,
    #[serde(borrow)]
    at: Cow<'l, str>,
    #[serde(borrow)]
    activity: Cow<'l, str>,
    #[serde(borrow)]
    lifecycle: Cow<'l, str>,
    resource: Option<String>,
    #[serde(borrow)]
    attributes: Attributes<'l>,
}

#[derive(Deserialize)]
struct Attributes<'l> {
    #[serde(borrow, rename = "case:AMOUNT_REQ")]
    amount: Cow<'l, str>,
    #[serde(borrow, rename = "case:REG_DATE")]
    registered_at: Cow<'l, str>,
}

/// A line that was found good.
pub(crate) struct Entry {
    pub(crate) case: u32,
    /// The place in its case, from 0.
    pub(crate) index: u64,
    event: NewEvent,
}

impl Entry {
    /// Reads a line.
    pub(crate) fn read(line: &[u8]) -> Result<Self, LineError> {
        let line: Line<'_> = serde_json::from_slice(line)?;
        let case: u32 = field("case", &line.case)?;
        let at: Timestamp = field("at", &line.at)?;
        let facts = Facts {
            amount_eur: field("case:AMOUNT_REQ", &line.attributes.amount)?,
            registered_at: field("case:REG_DATE", &line.attributes.registered_at)?,
            day: field::<Date>("at", line.at.get(..10).unwrap_or(&line.at))?,
        };
        let event = translate::event(&line.activity, &line.lifecycle, &facts).ok_or_else(|| {
            LineError::UnknownActivity {
                activity: line.activity.clone().into_owned(),
                lifecycle: line.lifecycle.clone().into_owned(),
            }
        })?;
        let event = NewEvent::of(&event)
            .map_err(|error| LineError::Unstorable(error.into()))?
            .with_id(event_id(case, line.index))
            .occurred_at(at)
            .with_metadata(Metadata { actor: line.resource, ..Metadata::default() });
        Ok(Self { case, index: line.index, event })
    }

    /// The event as the next one of its stream. An append of its own, so that an import that broke
    /// off goes on anywhere.
    pub(crate) fn into_append(self) -> Result<Append, LineError> {
        let stream = StreamId::new("loan", self.case)
            .map_err(|error| LineError::Unstorable(error.into()))?;
        // A case's events have the indices 0, 1, 2, …, and its stream the versions 1, 2, 3, …
        let expected = ExpectedVersion::Exact(StreamVersion::new(self.index));
        Ok(Append::to(stream, expected, vec![self.event]))
    }
}

/// The same line always becomes the same event, and so a second import changes nothing.
fn event_id(case: u32, index: u64) -> EventId {
    const LOANS: Uuid = Uuid::from_u128(0x3926_db30_f712_4394_aebc_7597_6070_e91f);
    EventId::new(Uuid::new_v5(&LOANS, format!("{case}/{index}").as_bytes()))
}

fn field<T: std::str::FromStr<Err: std::fmt::Display>>(
    field: &'static str,
    value: &str,
) -> Result<T, LineError> {
    value.parse().map_err(|error: T::Err| LineError::Field {
        field,
        value: value.chars().take(60).collect(),
        why: error.to_string(),
    })
}
