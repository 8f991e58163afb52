//! An event as a store gives it back.

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;

use super::{EventId, Metadata};
use crate::names::{Position, StreamId, StreamVersion};
use crate::payload::Payload;

/// The stable dotted name of a kind of event, such as `order.placed`. Cloning is cheap.
#[derive(Clone)]
pub struct EventType(Name);

#[derive(Clone)]
enum Name {
    Static(&'static str),
    Shared(Arc<str>),
}

impl EventType {
    /// A name known at compile time.
    pub const fn from_static(name: &'static str) -> Self {
        Self(Name::Static(name))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        match &self.0 {
            Name::Static(name) => name,
            Name::Shared(name) => name,
        }
    }
}

impl From<&str> for EventType {
    fn from(name: &str) -> Self {
        Self(Name::Shared(name.into()))
    }
}

impl From<String> for EventType {
    fn from(name: String) -> Self {
        Self(Name::Shared(name.into()))
    }
}

impl From<Arc<str>> for EventType {
    fn from(name: Arc<str>) -> Self {
        Self(Name::Shared(name))
    }
}

impl PartialEq for EventType {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for EventType {}

impl PartialEq<str> for EventType {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == other
    }
}

impl PartialEq<&str> for EventType {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == *other
    }
}

impl std::hash::Hash for EventType {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl fmt::Display for EventType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for EventType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

/// A stored event with its whole envelope; the payload is still text.
#[derive(Debug, Clone, PartialEq)]
pub struct RecordedEvent {
    /// The id it was appended with.
    pub id: EventId,
    /// The stream it stands in.
    pub stream: StreamId,
    /// Its place in that stream, from 1.
    pub version: StreamVersion,
    /// Its place in the global log, from 1.
    pub position: Position,
    /// The stable dotted name.
    pub event_type: EventType,
    /// The version of the payload's schema.
    pub schema_version: u32,
    /// The payload as it was appended.
    pub payload: Payload,
    /// When the store wrote it.
    pub recorded_at: Timestamp,
    /// When it happened.
    pub occurred_at: Timestamp,
    /// Where it comes from. Behind an `Arc`, because most events carry none and share one.
    pub metadata: Arc<Metadata>,
}

impl RecordedEvent {
    /// How much room it takes in a page: the bytes of its payload and metadata.
    pub fn bytes(&self) -> usize {
        self.payload.as_str().len() + self.metadata.bytes()
    }
}
