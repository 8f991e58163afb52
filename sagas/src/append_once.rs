//! Appends what follows from events or messages that may come twice.

use annals_consumers::ConsumeError;
use annals_core::store::{Append, StoreError};
use annals_core::{EventId, ExpectedVersion, Journal, JournalError, NewEvent, StreamId};
use uuid::Uuid;

/// Appends what was made of others, each with an id that is made of that one's: however often that comes, it
/// stands there once. What is there already counts, though it may have been told in other words, or at another
/// time.
pub(crate) async fn append_once(
    journal: &Journal,
    stream: &StreamId,
    events: Vec<(NewEvent, EventId)>,
    what: &str,
) -> Result<(), ConsumeError> {
    let id = |of: EventId| EventId::new(Uuid::new_v5(&of.get(), what.as_bytes()));
    let events: Vec<_> = events.into_iter().map(|(new, of)| new.with_id(id(of))).collect();
    if events.len() > 1 && append(journal, stream, events.clone()).await? {
        return Ok(());
    }
    // Some of them may be there.
    for event in events {
        append(journal, stream, vec![event]).await?;
    }
    Ok(())
}

/// Returns whether it was appended as it is, now or before.
async fn append(
    journal: &Journal,
    stream: &StreamId,
    events: Vec<NewEvent>,
) -> Result<bool, ConsumeError> {
    match journal.append(Append::to(stream.clone(), ExpectedVersion::Any, events)).await {
        Ok(_) => Ok(true),
        Err(JournalError::Store(StoreError::DuplicateEvent { .. })) => Ok(false),
        Err(JournalError::Store(error)) => Err(error.into()),
        Err(error) => Err(ConsumeError::poison(error)),
    }
}
