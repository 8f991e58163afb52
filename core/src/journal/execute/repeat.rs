//! The first receipt of a command that comes again.

use super::ExecuteError;
use crate::event::Event;
use crate::journal::Journal;
use crate::journal::fold::LoadError;
use crate::journal::receipt::Receipt;
use crate::names::StreamId;
use crate::store::{CommandOutcome, KeyedCommand, StoreError, StreamQuery};

impl Journal {
    /// The receipt of a command that was executed before; an error, if it was refused before.
    pub(super) async fn first_receipt<Ev: Event, E: std::error::Error + 'static>(
        &self,
        stream: &StreamId,
        command: Option<&KeyedCommand>,
    ) -> Result<Option<Receipt<Ev>>, ExecuteError<E>> {
        let Some(command) = command else { return Ok(None) };
        let record = self.log().command(&command.key).await.map_err(ExecuteError::Store)?;
        let Some(record) = record else { return Ok(None) };
        record.is_of(command, stream).map_err(ExecuteError::Store)?;
        if let CommandOutcome::Refused(refusal) = record.outcome {
            let key = command.key.to_string();
            return Err(ExecuteError::Store(StoreError::RefusedBefore { key, refusal }));
        }
        let mut query = StreamQuery::all(stream.clone()).after(record.before).up_to(record.after);
        let mut stored = Vec::new();
        loop {
            let page = self.log().read_stream(&query).await.map_err(ExecuteError::Store)?;
            let ended = query.ends_with(&page);
            if let Some(last) = page.last() {
                query = query.after(last.version);
            }
            stored.extend(page);
            if ended {
                break;
            }
        }
        let event_ids = stored.iter().map(|event| event.id).collect();
        let events = stored
            .into_iter()
            .map(|event| {
                Ev::decode(event.event_type.as_str(), event.schema_version, event.payload.as_str())
                    .map_err(|source| LoadError::Decode {
                        stream: event.stream,
                        version: event.version,
                        source,
                    })
            })
            .collect::<Result<_, _>>()?;
        Ok(Some(Receipt {
            stream: record.stream,
            version: record.after,
            position: record.position,
            events,
            event_ids,
            repeated: true,
            dry_run: false,
        }))
    }
}

impl Journal {
    /// The error, unless it came about because this very command was executed since its key was
    /// looked up: by somebody else, who asked for the same. Then it is what that came to.
    pub(super) async fn unless_executed<Ev: Event, E: std::error::Error + 'static>(
        &self,
        stream: &StreamId,
        command: Option<&KeyedCommand>,
        error: ExecuteError<E>,
    ) -> Result<Receipt<Ev>, ExecuteError<E>> {
        self.first_receipt(stream, command).await?.ok_or(error)
    }
}

/// A store said that a command is recorded and then does not find it: its contract is broken.
pub(super) fn lost_record<E: std::error::Error>(stream: &StreamId) -> ExecuteError<E> {
    ExecuteError::Store(StoreError::Corrupt {
        place: format!("the record of a command on `{stream}`"),
        detail: "it was reported as executed, and cannot be found".to_owned(),
    })
}
