//! Appending to streams, reading them, and reading the log.

use std::ops::Range;

use async_trait::async_trait;

use super::{Append, Appended, Capabilities, PayloadVisitor, StoreError, Wakeups};
use crate::envelope::{EventType, RecordedEvent};
use crate::names::{Position, StreamId, StreamVersion};

/// How many events one page holds at the most.
pub const MAX_PAGE: usize = 10_000;

/// How many bytes of payloads and metadata a page holds at the most, beside its last event: it ends
/// with the event that reaches this.
pub const MAX_PAGE_BYTES: usize = 16 << 20;

/// Which way a stream is read.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub enum ReadDirection {
    /// Oldest first.
    #[default]
    Forward,
    /// Newest first.
    Backward,
}

/// A page of one stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamQuery {
    /// The stream.
    pub stream: StreamId,
    /// The smallest version wanted.
    pub from: StreamVersion,
    /// The largest version wanted.
    pub to: StreamVersion,
    /// Which end to begin at.
    pub direction: ReadDirection,
    /// How many events at the most, up to [`MAX_PAGE`].
    pub limit: usize,
    /// The page ends with the event that reaches so many bytes, up to [`MAX_PAGE_BYTES`]: it may be
    /// shorter than `limit` and there is more all the same.
    pub bytes: usize,
}

impl StreamQuery {
    /// The first page of a stream.
    pub fn all(stream: StreamId) -> Self {
        Self {
            stream,
            from: StreamVersion::new(1),
            to: StreamVersion::MAX,
            direction: ReadDirection::Forward,
            limit: MAX_PAGE,
            bytes: MAX_PAGE_BYTES,
        }
    }

    /// Only what follows `version`.
    #[must_use]
    pub fn after(mut self, version: StreamVersion) -> Self {
        self.from = version.plus(1);
        self
    }

    /// Only up to and including `version`.
    #[must_use]
    pub fn up_to(mut self, version: StreamVersion) -> Self {
        self.to = version;
        self
    }

    /// Newest first.
    #[must_use]
    pub fn backward(mut self) -> Self {
        self.direction = ReadDirection::Backward;
        self
    }

    /// At most so many events.
    #[must_use]
    pub fn limit(mut self, limit: usize) -> Self {
        self.limit = limit.min(MAX_PAGE);
        self
    }

    /// At most so many bytes of payloads and metadata, beside the last event.
    #[must_use]
    pub fn bytes(mut self, bytes: usize) -> Self {
        self.bytes = bytes.min(MAX_PAGE_BYTES);
        self
    }
}

impl StreamQuery {
    /// Whether nothing follows this page, which was read by this query.
    pub fn ends_with(&self, page: &[RecordedEvent]) -> bool {
        let mut room = PageRoom::new(self.limit, self.bytes);
        page.iter().all(|event| room.take(event))
    }
}

/// What is left of a page. For authors of stores.
#[derive(Debug, Clone, Copy)]
pub struct PageRoom {
    events: usize,
    bytes: usize,
}

impl PageRoom {
    /// The room for so many events and bytes.
    pub fn new(events: usize, bytes: usize) -> Self {
        Self { events, bytes }
    }

    /// How many events there is room for.
    pub fn events(&self) -> usize {
        self.events
    }

    /// How many bytes there is room for.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Takes up the room of an event, and says whether there is some left for another.
    pub fn take(&mut self, event: &RecordedEvent) -> bool {
        self.events = self.events.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub(event.bytes());
        self.events > 0 && self.bytes > 0
    }
}

/// Which events of the log are wanted. Empty lists mean "all".
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct LogFilter {
    /// Categories.
    pub categories: Vec<String>,
    /// Event types.
    pub event_types: Vec<EventType>,
    /// A range of slices.
    pub slices: Option<Range<u16>>,
}

impl LogFilter {
    /// Whether an event is wanted.
    pub fn admits(&self, event: &RecordedEvent) -> bool {
        let category = event.stream.category();
        (self.categories.is_empty() || self.categories.iter().any(|wanted| wanted == category))
            && (self.event_types.is_empty() || self.event_types.contains(&event.event_type))
            && self
                .slices
                .as_ref()
                .is_none_or(|slices| slices.contains(&event.stream.slice().get()))
    }
}

/// A page of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogQuery {
    /// Only what follows this position.
    pub after: Position,
    /// Only up to and including this position.
    pub up_to: Position,
    /// Which events.
    pub filter: LogFilter,
    /// How many events at the most, up to [`MAX_PAGE`].
    pub limit: usize,
    /// The page ends with the event that reaches so many bytes, up to [`MAX_PAGE_BYTES`]: it may be
    /// shorter than `limit` and there is more all the same.
    pub bytes: usize,
}

impl LogQuery {
    /// The first page that follows a position.
    pub fn after(position: Position) -> Self {
        Self {
            after: position,
            up_to: Position::new(i64::MAX as u64),
            filter: LogFilter::default(),
            limit: MAX_PAGE,
            bytes: MAX_PAGE_BYTES,
        }
    }

    /// Only up to and including `position`.
    #[must_use]
    pub fn up_to(mut self, position: Position) -> Self {
        self.up_to = position;
        self
    }

    /// Only the events a filter admits.
    #[must_use]
    pub fn filter(mut self, filter: LogFilter) -> Self {
        self.filter = filter;
        self
    }

    /// At most so many events.
    #[must_use]
    pub fn limit(mut self, limit: usize) -> Self {
        self.limit = limit.min(MAX_PAGE);
        self
    }

    /// At most so many bytes of payloads and metadata, beside the last event.
    #[must_use]
    pub fn bytes(mut self, bytes: usize) -> Self {
        self.bytes = bytes.min(MAX_PAGE_BYTES);
        self
    }
}

/// What a read of the log found.
#[derive(Debug, Clone, PartialEq)]
pub struct LogPage {
    /// The events, by position.
    pub events: Vec<RecordedEvent>,
    /// How many events of the log have been looked at, wanted or not.
    pub looked_at: u64,
    /// Everything up to here has been looked at: the checkpoint to go on from.
    pub next: Position,
    /// The end of the log when the page was read.
    pub head: Position,
}

impl LogPage {
    /// Makes sure that the log still reaches to the cursor that this page was read for.
    ///
    /// # Errors
    /// [`StoreError::HistoryWentBack`] when it ends before.
    pub fn check_after(&self, cursor: Position) -> Result<(), StoreError> {
        match self.head < cursor {
            true => Err(StoreError::HistoryWentBack { head: self.head, cursor }),
            false => Ok(()),
        }
    }
}

/// Streams and the log.
///
/// # Contract
/// - **I1** [`append`](Self::append) is atomic: all streams or none. `Ok` means durable and
///   readable at once. An expectation that does not hold is [`StoreError::Conflict`] and nothing
///   is written.
/// - Events whose ids are all stored already, in the same order and streams, are the same append:
///   it returns the first result with `repeated` set. When only some are, or they stand
///   elsewhere, it is [`StoreError::DuplicateEvent`].
/// - An append with a command key that is recorded returns the recorded result; a key recorded
///   for another stream is [`StoreError::KeyReused`]. These two are looked at before the expected
///   version, so that a repetition does not turn into a conflict.
/// - Hooks run in the append's transaction; an error of theirs undoes the append. An append without
///   events and without a command is taken for the sake of its hooks.
/// - **I2** Once a reader has seen position p, nothing at or below p appears later. Positions grow,
///   and are dense from 1 where [`Capabilities::dense`] says so; a stream's versions are dense from 1
///   and in the order of positions.
/// - **I3** There is no way to change or remove an event.
/// - Dropping the future of an append does not undo it.
#[async_trait]
pub trait EventStore: Send + Sync {
    /// What this store can do.
    fn capabilities(&self) -> Capabilities;

    /// Appends atomically.
    ///
    /// # Errors
    /// [`StoreError`]; only [`StoreError::OutcomeUnknown`] leaves open whether it was written.
    async fn append(&self, append: Append) -> Result<Appended, StoreError>;

    /// Appends many batches at once, each atomic and judged on its own, in as few commits as the
    /// store can; for imports. The results come in the same order.
    ///
    /// # Errors
    /// Each batch has its own.
    async fn append_bulk(&self, appends: Vec<Append>) -> Vec<Result<Appended, StoreError>>;

    /// Reads a page of a stream; empty when the stream or the range is.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read.
    async fn read_stream(&self, query: &StreamQuery) -> Result<Vec<RecordedEvent>, StoreError>;

    /// Calls `visitor` with each event of a stream that follows version `after`, up to and including
    /// `up_to`, in order, until it breaks. Nothing is copied, however long the stream is: for folding
    /// a state. Returns the position of the last event it was called with; [`Position::START`] if
    /// there was none.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read; the visitor has seen the events before.
    async fn visit_stream(
        &self,
        stream: &StreamId,
        after: StreamVersion,
        up_to: StreamVersion,
        visitor: PayloadVisitor,
    ) -> Result<Position, StoreError>;

    /// Reads a page of the log.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read.
    async fn read_log(&self, query: &LogQuery) -> Result<LogPage, StoreError>;

    /// The position of the last event; [`Position::START`] when there is none.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read.
    async fn head(&self) -> Result<Position, StoreError>;

    /// Hints of growth.
    fn wakeups(&self) -> Wakeups;
}
