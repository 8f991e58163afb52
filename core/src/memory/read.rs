//! Reading streams and the log in memory.

use super::state::State;
use crate::envelope::RecordedEvent;
use crate::names::{Position, StreamId, StreamVersion};
use crate::store::{LogPage, LogQuery, PageRoom, PayloadVisitor, ReadDirection, StreamQuery};

impl State {
    pub(super) fn read_stream(&self, query: &StreamQuery) -> Vec<RecordedEvent> {
        let Some(positions) = self.streams.get(&query.stream) else { return Vec::new() };
        let wanted = positions
            .iter()
            .map(|&position| self.event(position))
            .filter(|event| (query.from..=query.to).contains(&event.version));
        let (limit, bytes) = (query.limit, query.bytes);
        match query.direction {
            ReadDirection::Forward => page(wanted, limit, bytes).0,
            ReadDirection::Backward => page(wanted.rev(), limit, bytes).0,
        }
    }

    pub(super) fn visit_stream(
        &self,
        stream: &StreamId,
        after: StreamVersion,
        up_to: StreamVersion,
        mut visitor: PayloadVisitor,
    ) -> Position {
        let positions = self.streams.get(stream).map(Vec::as_slice).unwrap_or_default();
        let end = (up_to.get() as usize).min(positions.len());
        let begin = (after.get() as usize).min(end);
        let mut last = Position::START;
        for &position in &positions[begin..end] {
            last = position;
            if visitor(self.event(position).into()).is_break() {
                break;
            }
        }
        last
    }

    pub(super) fn read_log(&self, query: &LogQuery) -> LogPage {
        let head = self.head();
        let end = query.up_to.min(head).get() as usize;
        let begin = (query.after.get() as usize).min(end);
        let wanted = self.events[begin..end].iter().filter(|event| query.filter.admits(event));
        let (events, full) = page(wanted, query.limit, query.bytes);
        let next = match events.last() {
            // A page of nothing has looked at nothing.
            _ if query.limit == 0 => query.after,
            Some(last) if full => last.position,
            _ => Position::new(end as u64).max(query.after),
        };
        LogPage { events, looked_at: next.since(query.after), next, head }
    }
}

/// The events that there is room for, and whether there was no more.
fn page<'e>(
    wanted: impl Iterator<Item = &'e RecordedEvent>,
    limit: usize,
    bytes: usize,
) -> (Vec<RecordedEvent>, bool) {
    let mut room = PageRoom::new(limit, bytes);
    let mut events = Vec::new();
    for event in wanted.take(limit) {
        events.push(event.clone());
        if !room.take(event) {
            return (events, true);
        }
    }
    (events, false)
}
