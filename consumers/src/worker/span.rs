//! Spans of the work on a partition, linked to those in which its events came about.

use std::collections::HashSet;

use annals_core::{Position, RecordedEvent, trace};
use tracing::Span;
use tracing::field::Empty;

use super::Worker;

/// To how many spans one is linked at the most, which is as many as tracers keep by default: a batch of
/// history may have a hundred thousand causes.
const MOST_LINKS: usize = 128;

/// The span of a transaction, from the first event that is taken in for it to its commit.
#[derive(Default)]
pub(super) struct BatchSpan {
    /// Not there while nothing is taken in.
    span: Option<Span>,
    events: u64,
    last: Position,
    /// The spans it is linked to.
    causes: HashSet<String>,
}

impl BatchSpan {
    /// Events are about to be taken in.
    pub(super) fn takes<'e>(
        &mut self,
        worker: &Worker,
        events: impl ExactSizeIterator<Item = &'e RecordedEvent> + DoubleEndedIterator + Clone,
    ) {
        let mut ends = events.clone();
        let Some(first) = ends.next() else { return };
        let last = ends.next_back().unwrap_or(first);
        let span = self.span.get_or_insert_with(|| open(worker, first.position));
        (self.events, self.last) = (self.events + events.len() as u64, last.position);
        link(span, events, &mut self.causes);
    }

    /// To be entered by whatever belongs to the batch.
    pub(super) fn enter(&self) -> Span {
        self.span.clone().unwrap_or_else(Span::none)
    }

    /// The transaction was committed. If it has left events to the next one, that one's span follows from
    /// this.
    pub(super) fn written(&mut self, worker: &Worker, reached: Position, left: usize) {
        let Self { span, events, last, .. } = std::mem::take(self);
        let Some(span) = span else { return };
        let left = if reached < last { left as u64 } else { 0 };
        span.record("events", events.saturating_sub(left));
        span.record("last", last.min(reached).get());
        if left > 0 {
            let next = open(worker, Position::new(reached.get() + 1));
            next.follows_from(&span);
            *self = Self { span: Some(next), events: left, last, causes: HashSet::new() };
        }
    }

    /// It came to nothing.
    pub(super) fn failed(&mut self) {
        if let Self { span: Some(span), events, last, .. } = std::mem::take(self) {
            span.record("events", events);
            span.record("last", last.get());
            span.record("otel.status_code", "ERROR");
        }
    }
}

fn open(worker: &Worker, first: Position) -> Span {
    tracing::info_span!(
        parent: None,
        "annals.batch",
        otel.kind = "consumer",
        otel.status_code = Empty,
        consumer = &*worker.consumer.name,
        partition = %worker.id,
        events = Empty,
        first = first.get(),
        last = Empty,
    )
}

/// The span of what is given to a target at once. One event alone is dealt with in its own trace; several
/// may have several, and are linked to.
pub(super) fn of_delivery(consumer: &str, events: &[RecordedEvent]) -> Span {
    let Some(first) = events.first() else { return Span::none() };
    let span = tracing::info_span!(
        parent: None,
        "annals.handle",
        otel.kind = "consumer",
        otel.status_code = Empty,
        consumer,
        stream = %first.stream,
        event_type = %first.event_type,
        position = first.position.get(),
        events = events.len(),
    );
    match events {
        [only] => trace::continue_from(&span, only),
        several => link(&span, several.iter(), &mut HashSet::new()),
    }
    span
}

/// Links a span to those that caused events, unless it is linked to them already.
fn link<'e>(
    span: &Span,
    events: impl Iterator<Item = &'e RecordedEvent>,
    causes: &mut HashSet<String>,
) {
    if span.is_disabled() {
        return;
    }
    for event in events {
        if causes.len() >= MOST_LINKS {
            return;
        }
        if let Some(cause) = &event.metadata.traceparent
            && !causes.contains(cause)
        {
            causes.insert(cause.clone());
            trace::link(span, event);
        }
    }
}
