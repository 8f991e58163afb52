//! Judging appends one by one against what is stored, without touching the database.

use std::collections::HashMap;

use annals_core::store::{
    Append, Appended, AppendedStream, CommandKey, CommandRecord, StoreError, StoredPlace,
};
use annals_core::{EventId, NewEvent, Position, RecordedEvent, StreamId, StreamVersion};
use jiff::Timestamp;

/// Where streams end, as long as the log ends at `head`: nobody has appended since.
#[derive(Debug, Default)]
pub(crate) struct Ends {
    pub(crate) head: Position,
    pub(crate) streams: HashMap<StreamId, (StreamVersion, Position)>,
}

impl Ends {
    /// How many are kept at the most, some 20 MB.
    const MOST: usize = 100_000;

    /// Forgets what may have changed, or what takes too much room.
    pub(crate) fn hold_at(&mut self, head: Position) {
        if self.head != head || self.streams.len() > Self::MOST {
            self.streams.clear();
        }
    }
}

/// What is stored of everything that some appends mention.
#[derive(Debug, Default)]
pub(crate) struct Known {
    /// Where each stream ends.
    pub(crate) ends: HashMap<StreamId, (StreamVersion, Position)>,
    pub(crate) events: HashMap<EventId, StoredPlace>,
    pub(crate) commands: HashMap<String, CommandRecord>,
}

/// An event that was let in, with its place.
#[derive(Debug)]
pub(crate) struct Placed<'a> {
    pub(crate) position: Position,
    pub(crate) stream: &'a StreamId,
    pub(crate) version: StreamVersion,
    pub(crate) event: &'a NewEvent,
}

impl Placed<'_> {
    /// The event as readers will see it.
    pub(crate) fn recorded(&self, now: Timestamp) -> RecordedEvent {
        self.event.record(self.stream.clone(), self.version, self.position, now)
    }
}

/// What comes of some appends.
#[derive(Debug, Default)]
pub(crate) struct Judged<'a> {
    /// One entry an append, in their order.
    pub(crate) results: Vec<Result<Appended, StoreError>>,
    pub(crate) events: Vec<Placed<'a>>,
    pub(crate) commands: Vec<(&'a CommandKey, CommandRecord)>,
}

/// Judges appends in their order, each as if those before it were written already.
pub(crate) fn judge<'a>(
    appends: &[&'a Append],
    known: &mut Known,
    head: Position,
    now: Timestamp,
) -> Judged<'a> {
    let mut judged = Judged::default();
    for &append in appends {
        let result = judge_one(append, known, head, now, &mut judged);
        judged.results.push(result);
    }
    judged
}

fn judge_one<'a>(
    append: &'a Append,
    known: &mut Known,
    head: Position,
    now: Timestamp,
    judged: &mut Judged<'a>,
) -> Result<Appended, StoreError> {
    append.check()?;
    if let Some(key) = &append.command
        && let Some(record) = known.commands.get(key.as_str())
    {
        return append.recorded_result(record.clone());
    }
    if let Some(first) = append.first_result(|id| Ok(known.events.get(&id).cloned()))? {
        return Ok(first);
    }
    let mut stood = Vec::with_capacity(append.streams.len());
    for wanted in &append.streams {
        let end = known.ends.get(&wanted.stream).copied().unwrap_or_default();
        if !wanted.expected.admits(end.0) {
            return Err(StoreError::Conflict {
                stream: wanted.stream.clone(),
                expected: wanted.expected,
                actual: end.0,
            });
        }
        stood.push(end);
    }
    let mut position = Position::new(head.get() + judged.events.len() as u64);
    // An append of no event has one stream: its end is the append's position.
    let mut last = stood.first().map_or(position, |(_, position)| *position);
    let mut streams = Vec::with_capacity(append.streams.len());
    for (wanted, (before, _)) in append.streams.iter().zip(stood) {
        let stream = &wanted.stream;
        for (event, n) in wanted.events.iter().zip(1..) {
            position = Position::new(position.get() + 1);
            last = position;
            let version = before.plus(n);
            let place = StoredPlace { position, stream: stream.clone(), version, recorded_at: now };
            known.events.insert(event.id, place);
            judged.events.push(Placed { position, stream, version, event });
        }
        let after = before.plus(wanted.events.len() as u64);
        if after > before {
            known.ends.insert(stream.clone(), (after, position));
        }
        streams.push(AppendedStream { stream: stream.clone(), before, after });
    }
    let appended = Appended { streams, position: last, recorded_at: now, repeated: false };
    if let Some((key, record)) = append.command_record(&appended) {
        known.commands.insert(key.as_str().to_owned(), record.clone());
        judged.commands.push((key, record));
    }
    Ok(appended)
}
