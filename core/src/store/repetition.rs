//! Recognising an append that has been made before. For authors of stores.

use jiff::Timestamp;

use super::{Append, Appended, AppendedStream, CommandOutcome, CommandRecord, StoreError};
use crate::envelope::{EventId, EventType, NewEvent};
use crate::names::{ExpectedVersion, Position, StreamId, StreamVersion};
use crate::payload::Payload;

/// Where a stored event stands, and what it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredPlace {
    /// Its place in the log.
    pub position: Position,
    /// Its stream.
    pub stream: StreamId,
    /// Its place in the stream.
    pub version: StreamVersion,
    /// When it was recorded.
    pub recorded_at: Timestamp,
    /// What happened.
    pub event_type: EventType,
    /// The facts.
    pub payload: Payload,
}

impl StoredPlace {
    /// Whether a new event says the same. Fields may stand in another order: a map that is written
    /// again need not be written alike.
    pub(super) fn says(&self, event: &NewEvent) -> bool {
        let same = || {
            let [stored, new] = [&self.payload, &event.payload].map(Payload::decode);
            let (stored, new): (Option<serde_json::Value>, _) = (stored.ok(), new.ok());
            stored.is_some() && stored == new
        };
        self.event_type == event.event_type && (self.payload == event.payload || same())
    }
}

impl Append {
    /// The first result of this very append, if its events are stored already; `None` if none of
    /// them is. `find` looks an event up by its id; `stood` says at which version a stream stood
    /// before a position, and is asked for streams that were only checked.
    ///
    /// # Errors
    /// [`StoreError::DuplicateEvent`] when only some are stored, or elsewhere, in another order, or
    /// with another type or payload; and whatever `find` and `stood` return.
    pub fn first_result(
        &self,
        mut find: impl FnMut(EventId) -> Result<Option<StoredPlace>, StoreError>,
        mut stood: impl FnMut(&StreamId, Position) -> Result<StreamVersion, StoreError>,
    ) -> Result<Option<Appended>, StoreError> {
        let mut duplicate = None;
        for event in self.streams.iter().flat_map(|wanted| &wanted.events) {
            if let Some(stored) = find(event.id)? {
                duplicate = Some((event.id, stored.position));
                break;
            }
        }
        // Unless it is the first, it is not this append.
        let Some((id, first)) = duplicate else { return Ok(None) };
        let mut streams = Vec::new();
        let mut last: Option<StoredPlace> = None;
        for wanted in &self.streams {
            let mut before = None;
            for event in &wanted.events {
                let stored = find(event.id)?.filter(|stored| {
                    let follows = |last: &StoredPlace| stored.position.since(last.position) == 1;
                    stored.stream == wanted.stream
                        && stored.says(event)
                        && last.as_ref().is_none_or(follows)
                });
                let stored = stored.ok_or(StoreError::DuplicateEvent { id })?;
                let version = stored.version.get().saturating_sub(1);
                before = before.or(Some(StreamVersion::new(version)));
                last = Some(stored);
            }
            let before = match (before, wanted.expected) {
                (Some(before), _) | (None, ExpectedVersion::Exact(before)) => before,
                (None, _) => stood(&wanted.stream, first)?,
            };
            let after = before.plus(wanted.events.len() as u64);
            streams.push(AppendedStream { stream: wanted.stream.clone(), before, after });
        }
        // A duplicate was found, so there is at least one event.
        Ok(last.map(|last| Appended {
            streams,
            position: last.position,
            recorded_at: last.recorded_at,
            repeated: true,
        }))
    }

    /// The result to return for an append whose command is recorded.
    ///
    /// # Errors
    /// [`StoreError::KeyReused`] when it was recorded for another stream or another command,
    /// [`StoreError::RefusedBefore`] when it was refused and this append would execute it.
    pub fn recorded_result(&self, record: CommandRecord) -> Result<Appended, StoreError> {
        if let (Some(command), Some(wanted)) = (&self.command, self.streams.first()) {
            record.is_of(command, &wanted.stream)?;
            if let (CommandOutcome::Refused(refusal), CommandOutcome::Executed) =
                (&record.outcome, &command.outcome)
            {
                let (key, refusal) = (command.key.to_string(), refusal.clone());
                return Err(StoreError::RefusedBefore { key, refusal });
            }
        }
        Ok(record.into())
    }
}
