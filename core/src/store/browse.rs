//! Looking through a store without knowing what is in it.

use async_trait::async_trait;
use jiff::Timestamp;

use super::StoreError;
use crate::envelope::{EventId, RecordedEvent};
use crate::names::{MAX_STREAM_NAME_BYTES, Position, StreamId, StreamVersion};

/// How many streams one page lists at the most.
pub const MAX_STREAMS: usize = 1_000;

/// A page of the list of streams, by name.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct StreamsQuery {
    /// Only the streams of this category.
    pub category: Option<String>,
    /// Only what follows this name.
    pub after: Option<StreamId>,
    /// How many at the most, up to [`MAX_STREAMS`].
    pub limit: usize,
}

impl StreamsQuery {
    /// The first page.
    pub fn all() -> Self {
        Self { limit: MAX_STREAMS, ..Self::default() }
    }

    /// Only the streams of a category.
    #[must_use]
    pub fn category(mut self, category: impl Into<String>) -> Self {
        self.category = Some(category.into());
        self
    }

    /// Only what follows a name.
    #[must_use]
    pub fn after(mut self, stream: StreamId) -> Self {
        self.after = Some(stream);
        self
    }

    /// At most so many streams.
    #[must_use]
    pub fn limit(mut self, limit: usize) -> Self {
        self.limit = limit.min(MAX_STREAMS);
        self
    }

    /// The names wanted lie between these two, without them, in the order of their bytes. For authors
    /// of stores.
    pub fn bounds(&self) -> (String, String) {
        let (mut low, high) = match &self.category {
            // `.` follows `-`, at which a category ends.
            Some(category) => (format!("{category}-"), format!("{category}.")),
            // No name is as long.
            None => (String::new(), char::MAX.to_string().repeat(MAX_STREAM_NAME_BYTES / 4 + 1)),
        };
        if let Some(after) = self.after.as_ref().filter(|after| after.as_str() > low.as_str()) {
            after.as_str().clone_into(&mut low);
        }
        (low, high)
    }
}

/// A stream, as a list shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamSummary {
    /// The stream.
    pub stream: StreamId,
    /// The version of its last event: how many there are.
    pub version: StreamVersion,
    /// The position of its last event.
    pub position: Position,
    /// When its last event was recorded.
    pub recorded_at: Timestamp,
}

/// What people look for who do not know what is in a store.
///
/// # Contract
/// - Streams are listed by the bytes of their names, each once, with its end as of one moment. A page
///   takes time for the streams it lists, and not for their events.
/// - A page that is shorter than its limit is the last.
#[async_trait]
pub trait Browse: Send + Sync {
    /// A page of the list of streams.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read.
    async fn streams(&self, query: &StreamsQuery) -> Result<Vec<StreamSummary>, StoreError>;

    /// The event with this id, or `None`.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read.
    async fn event(&self, id: EventId) -> Result<Option<RecordedEvent>, StoreError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    /// It must stay usable behind a pointer.
    const _: fn(&dyn Browse) = |_| {};

    #[test]
    fn names_lie_between_the_bounds() {
        let longest = format!("a-{}", char::MAX.to_string().repeat(63));
        let name = |name: &str| StreamId::parse(name).expect("a good name");
        for (query, inside, outside) in [
            (StreamsQuery::all(), vec!["a-1", "\u{10ffff}-\u{10ffff}", &longest], vec![]),
            (
                StreamsQuery::all().category("order"),
                vec!["order--", "order-1", "order-\u{10ffff}"],
                vec!["order.x-1", "orde-1", "orders-1", "Order-1"],
            ),
            (
                StreamsQuery::all().category("order").after(name("order-5")),
                vec!["order-51", "order-6"],
                vec!["order-5", "order-4"],
            ),
            (StreamsQuery::all().category("order").after(name("a-9")), vec!["order-1"], vec![]),
        ] {
            let (low, high) = query.bounds();
            let is_inside = |name: &&str| *name > low.as_str() && *name < high.as_str();
            assert!(inside.iter().all(is_inside), "{query:?}");
            assert!(!outside.iter().any(is_inside), "{query:?}");
        }
    }
}
