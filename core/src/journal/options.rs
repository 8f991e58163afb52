//! What can be set on a journal, and for a command.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::aggregate::{Clock, IdGenerator, SystemClock, SystemIds};
use crate::envelope::{Metadata, RecordedEvent};

/// Settings of a [`Journal`](super::Journal).
#[derive(Clone)]
pub struct JournalOptions {
    /// For how long a command that meets conflicts is decided again before it gives up; it is
    /// decided twice at the least, unless this is zero. Default 1 s.
    pub retry_conflicts_for: Duration,
    /// For how long an append whose reply was lost is sent again, with the same ids, to learn what
    /// became of it; it is sent once more at the least. Default 5 s.
    pub resolve_for: Duration,
    /// The longest pause before the second attempt; it doubles with each further one up to
    /// [`MAX_PAUSE`](Self::MAX_PAUSE), and each pause is drawn between nothing and its limit.
    /// Default 2 ms.
    pub backoff: Duration,
    /// How many folded states are kept in memory, least recently used out first. Default 10,000;
    /// 0 keeps none.
    pub cached_states: usize,
    /// The `source` of events whose command names none, such as `/shop/orders`. Default none.
    pub source: Option<String>,
    /// The time for decisions. Default the system's.
    pub clock: Arc<dyn Clock>,
    /// The ids of events and for decisions. Default UUIDs of version 7.
    pub ids: Arc<dyn IdGenerator>,
}

impl JournalOptions {
    /// What the pauses between attempts grow up to: a store that is back is noticed so soon.
    pub const MAX_PAUSE: Duration = Duration::from_millis(200);
}

impl Default for JournalOptions {
    fn default() -> Self {
        Self {
            retry_conflicts_for: Duration::from_secs(1),
            resolve_for: Duration::from_secs(5),
            backoff: Duration::from_millis(2),
            cached_states: 10_000,
            source: None,
            clock: Arc::new(SystemClock),
            ids: Arc::new(SystemIds),
        }
    }
}

impl fmt::Debug for JournalOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JournalOptions")
            .field("retry_conflicts_for", &self.retry_conflicts_for)
            .field("resolve_for", &self.resolve_for)
            .field("backoff", &self.backoff)
            .field("cached_states", &self.cached_states)
            .field("source", &self.source)
            .finish_non_exhaustive()
    }
}

/// Where a command comes from: carried into the envelope of every event it leads to.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Origin {
    pub(crate) metadata: Metadata,
}

impl Origin {
    /// What follows from an event: its correlation, and its id as the cause.
    pub fn caused_by(event: &RecordedEvent) -> Self {
        Self { metadata: Metadata::caused_by(event) }
    }

    /// With the id all events of one business flow share.
    #[must_use]
    pub fn correlation(mut self, id: impl Into<String>) -> Self {
        self.metadata.correlation_id = Some(id.into());
        self
    }

    /// With the id of what directly led here.
    #[must_use]
    pub fn causation(mut self, id: impl Into<String>) -> Self {
        self.metadata.causation_id = Some(id.into());
        self
    }

    /// With the one on whose behalf it happens.
    #[must_use]
    pub fn actor(mut self, actor: impl Into<String>) -> Self {
        self.metadata.actor = Some(actor.into());
        self
    }

    /// With the service that emits the events, in place of the journal's own.
    #[must_use]
    pub fn source(mut self, source: impl Into<String>) -> Self {
        self.metadata.source = Some(source.into());
        self
    }

    /// With a trace context, in place of the current span's.
    #[must_use]
    pub fn traceparent(mut self, traceparent: impl Into<String>) -> Self {
        self.metadata.traceparent = Some(traceparent.into());
        self
    }

    /// With a free pair.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.metadata.custom.insert(name.into(), value.into());
        self
    }
}
