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
    /// Whether the log was empty when this began, so that a stream which is not here is new.
    whole: bool,
}

impl Ends {
    /// How many are kept at the most, some 20 MB.
    const MOST: usize = 100_000;

    /// Whether there is no need to look a stream up.
    pub(crate) fn knows(&self, stream: &StreamId) -> bool {
        self.whole || self.streams.contains_key(stream)
    }

    /// Forgets everything, if the log does not end where it did. Says whether it does.
    pub(crate) fn hold_at(&mut self, head: Position) -> bool {
        let holds = self.head == head;
        if !holds {
            self.forget();
        }
        if head == Position::START {
            self.whole = true;
        } else if self.streams.len() > Self::MOST {
            self.forget();
            return false;
        }
        holds
    }

    pub(crate) fn forget(&mut self) {
        self.streams.clear();
        self.whole = false;
    }
}

/// What is stored of everything that some appends mention.
#[derive(Debug, Default)]
pub(crate) struct Known {
    /// Where each stream ends.
    pub(crate) ends: HashMap<StreamId, (StreamVersion, Position)>,
    pub(crate) events: HashMap<EventId, StoredPlace>,
    pub(crate) commands: HashMap<String, CommandRecord>,
    pub(crate) stood: Vec<Stood>,
}

/// Where a stream stood before a position.
#[derive(Debug)]
pub(crate) struct Stood {
    pub(crate) stream: StreamId,
    pub(crate) before: Position,
    pub(crate) version: StreamVersion,
}

/// The result of an append that has been made before, if it has.
pub(crate) fn first_result(
    append: &Append,
    commands: &HashMap<String, CommandRecord>,
    events: &HashMap<EventId, StoredPlace>,
    stood: &[Stood],
) -> Result<Option<Appended>, StoreError> {
    if let Some(key) = &append.command
        && let Some(record) = commands.get(key.as_str())
    {
        return append.recorded_result(record.clone()).map(Some);
    }
    append.first_result(
        |id| Ok(events.get(&id).cloned()),
        |stream, before| {
            let at = |one: &&Stood| one.stream == *stream && one.before == before;
            Ok(stood.iter().find(at).map_or(StreamVersion::default(), |one| one.version))
        },
    )
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

/// Judges appends in their order, each as if those before it were written already. `together`
/// recognises ids that come twice among them; otherwise that is left to the unique index.
pub(crate) fn judge<'a>(
    appends: &[&'a Append],
    known: &mut Known,
    head: Position,
    now: Timestamp,
    together: bool,
) -> Judged<'a> {
    let mut judged = Judged::default();
    for &append in appends {
        let result = judge_one(append, known, (head, now), together, &mut judged);
        judged.results.push(result);
    }
    judged
}

fn judge_one<'a>(
    append: &'a Append,
    known: &mut Known,
    (head, now): (Position, Timestamp),
    together: bool,
    judged: &mut Judged<'a>,
) -> Result<Appended, StoreError> {
    append.check()?;
    if let Some(first) = first_result(append, &known.commands, &known.events, &known.stood)? {
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
            if together {
                let place = StoredPlace {
                    position,
                    stream: stream.clone(),
                    version,
                    recorded_at: now,
                    event_type: event.event_type.clone(),
                    payload: event.payload.clone(),
                };
                known.events.insert(event.id, place);
            }
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
