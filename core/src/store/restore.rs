//! Taking in events that were recorded in another store.

use std::collections::HashMap;

use async_trait::async_trait;
use jiff::Timestamp;

use super::check::check_event;
use super::{MAX_APPEND_BYTES, MAX_APPEND_EVENTS, StoreError, StoredPlace};
use crate::envelope::{EventId, NewEvent, RecordedEvent};
use crate::names::{ExpectedVersion, Position, StreamId, StreamVersion};
use crate::time::{KeptTimes, cut_time, is_kept};

/// What came of some events that were to be taken in.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Restored {
    /// How many were written.
    pub written: u64,
    /// How many were there already.
    pub present: u64,
    /// How many of those written are recorded later than they were in the other store, because events
    /// that were recorded after them stand before them.
    pub delayed: u64,
    /// Where the log ends.
    pub head: Position,
}

/// Writing events down again, as a copy of another store's.
///
/// # Contract
/// - An event keeps its id, its stream and version, when it was recorded and when it happened, its
///   metadata and its payload, letter by letter. Its position is not looked at: events get the next
///   positions, in the order in which they are given.
/// - All or none are written, up to [`MAX_APPEND_EVENTS`].
/// - Each is the next of its stream, otherwise it is [`StoreError::Conflict`]. One that is stored
///   already, at the same place of the same stream and with the same type and payload, is passed over;
///   elsewhere it is [`StoreError::DuplicateEvent`]. So the same events again do nothing.
/// - No event is recorded before the one that precedes it in the log: where that would be so, it is
///   recorded when that one was.
/// - Nothing else changes: no command, no schema, no checkpoint. Readers are woken.
#[async_trait]
pub trait Restore: Send + Sync {
    /// Takes events in.
    ///
    /// # Errors
    /// [`StoreError`]; only [`StoreError::OutcomeUnknown`] leaves open whether they were written, and
    /// the same events again are harmless.
    async fn restore(&self, events: Vec<RecordedEvent>) -> Result<Restored, StoreError>;
}

/// Events on their way in, each checked by itself. For authors of stores.
#[derive(Debug)]
pub struct Restoring {
    events: Vec<(RecordedEvent, NewEvent)>,
}

/// An event with the place it gets. For authors of stores.
#[derive(Debug)]
pub struct PlacedAgain {
    /// Where it goes.
    pub position: Position,
    /// Its stream.
    pub stream: StreamId,
    /// Its place in the stream.
    pub version: StreamVersion,
    /// When it is recorded.
    pub recorded_at: Timestamp,
    /// All else.
    pub event: NewEvent,
}

impl Restoring {
    /// Checks what every store refuses in the same words.
    ///
    /// # Errors
    /// [`StoreError::Invalid`].
    pub fn check(events: Vec<RecordedEvent>) -> Result<Self, StoreError> {
        let refuse = |why: String| Err(StoreError::Invalid { why });
        if events.len() > MAX_APPEND_EVENTS {
            return refuse(format!(
                "at most {MAX_APPEND_EVENTS} events are taken in at once, these are {}",
                events.len()
            ));
        }
        let bytes: usize = events.iter().map(RecordedEvent::bytes).sum();
        if bytes > MAX_APPEND_BYTES {
            return refuse(format!(
                "at most {MAX_APPEND_BYTES} bytes of payloads and metadata are taken in at once, \
                 these are {bytes}"
            ));
        }
        let mut ids: Vec<EventId> = events.iter().map(|event| event.id).collect();
        ids.sort_unstable();
        if let Some(twice) = ids.windows(2).find(|pair| pair[0] == pair[1]) {
            return refuse(format!("event id {} is there twice", twice[0]));
        }
        let mut checked = Vec::with_capacity(events.len());
        for event in events {
            let new = NewEvent {
                id: event.id,
                event_type: event.event_type.clone(),
                schema_version: event.schema_version,
                payload: event.payload.clone(),
                occurred_at: Some(event.occurred_at),
                metadata: (*event.metadata).clone(),
            };
            check_event(&event.stream, &new)?;
            if !is_kept(event.recorded_at) {
                return refuse(format!(
                    "event {} was recorded at {}, and {KeptTimes}",
                    event.id, event.recorded_at
                ));
            }
            checked.push((event, new));
        }
        Ok(Self { events: checked })
    }

    /// The ids, in order.
    pub fn ids(&self) -> impl Iterator<Item = EventId> {
        self.events.iter().map(|(event, _)| event.id)
    }

    /// The streams, as often as there are events of theirs.
    pub fn streams(&self) -> impl Iterator<Item = &StreamId> {
        self.events.iter().map(|(event, _)| &event.stream)
    }

    /// Gives each event its place, given where the log `ends` and when its last event was recorded.
    /// `find` looks an event up by its id, `version` says where a stream ends; both are asked inside
    /// the transaction that will write.
    ///
    /// # Errors
    /// [`StoreError::Conflict`], [`StoreError::DuplicateEvent`], and what `find` and `version` return.
    pub fn place(
        self,
        ends: (Position, Option<Timestamp>),
        mut find: impl FnMut(EventId) -> Result<Option<StoredPlace>, StoreError>,
        mut version: impl FnMut(&StreamId) -> Result<StreamVersion, StoreError>,
    ) -> Result<(Vec<PlacedAgain>, Restored), StoreError> {
        let (mut head, mut last) = ends;
        let mut restored = Restored::default();
        let mut versions: HashMap<StreamId, StreamVersion> = HashMap::new();
        let mut placed = Vec::with_capacity(self.events.len());
        for (event, new) in self.events {
            if let Some(stored) = find(event.id)? {
                let is_it = stored.stream == event.stream
                    && stored.version == event.version
                    && stored.says(&new);
                if !is_it {
                    return Err(StoreError::DuplicateEvent { id: event.id });
                }
                restored.present += 1;
                continue;
            }
            let actual = match versions.get(&event.stream) {
                Some(version) => *version,
                None => version(&event.stream)?,
            };
            if event.version != actual.plus(1) {
                let before = StreamVersion::new(event.version.get().saturating_sub(1));
                return Err(StoreError::Conflict {
                    stream: event.stream,
                    expected: ExpectedVersion::Exact(before),
                    actual,
                });
            }
            versions.insert(event.stream.clone(), event.version);
            head = Position::new(head.get() + 1);
            let wanted = cut_time(event.recorded_at);
            let recorded_at = last.map_or(wanted, |last| last.max(wanted));
            last = Some(recorded_at);
            restored.written += 1;
            restored.delayed += u64::from(recorded_at > wanted);
            placed.push(PlacedAgain {
                position: head,
                stream: event.stream,
                version: event.version,
                recorded_at,
                event: new,
            });
        }
        restored.head = head;
        Ok((placed, restored))
    }
}

#[cfg(test)]
mod tests {
    /// It must stay usable behind a pointer.
    const _: fn(&dyn super::Restore) = |_| {};
}
