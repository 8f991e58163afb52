//! Recognising an append that has been made before. For authors of stores.

use jiff::Timestamp;

use super::{Append, Appended, AppendedStream, CommandOutcome, CommandRecord, StoreError};
use crate::envelope::EventId;
use crate::names::{Position, StreamId, StreamVersion};

/// Where a stored event stands.
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
}

impl Append {
    /// The first result of this very append, if its events are stored already; `None` if none of
    /// them is. `find` looks an event up by its id.
    ///
    /// # Errors
    /// [`StoreError::DuplicateEvent`] when only some are stored, or elsewhere, or in another
    /// order; and whatever `find` returns.
    pub fn first_result(
        &self,
        mut find: impl FnMut(EventId) -> Result<Option<StoredPlace>, StoreError>,
    ) -> Result<Option<Appended>, StoreError> {
        let mut duplicate = None;
        for event in self.streams.iter().flat_map(|wanted| &wanted.events) {
            if find(event.id)?.is_some() {
                duplicate = Some(event.id);
                break;
            }
        }
        let Some(id) = duplicate else { return Ok(None) };
        let mut streams = Vec::new();
        let mut last: Option<StoredPlace> = None;
        for wanted in &self.streams {
            let mut before = None;
            for event in &wanted.events {
                let stored = find(event.id)?.filter(|stored| {
                    let follows = |last: &StoredPlace| stored.position.since(last.position) == 1;
                    stored.stream == wanted.stream && last.as_ref().is_none_or(follows)
                });
                let stored = stored.ok_or(StoreError::DuplicateEvent { id })?;
                let version = stored.version.get().saturating_sub(1);
                before = before.or(Some(StreamVersion::new(version)));
                last = Some(stored);
            }
            let before = before.unwrap_or_default();
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
