//! Appends what follows from an event or a message that may come twice.

use annals_consumers::ConsumeError;
use annals_core::store::{Append, StoreError};
use annals_core::{EventId, ExpectedVersion, Journal, JournalError, NewEvent, StreamId};
use uuid::Uuid;

/// Appends what was made of something, with an id that is made of that one's: however often that comes, it
/// stands there once. What is there already counts, though it may have been told in other words, or at another
/// time.
pub(crate) async fn append_once(
    journal: &Journal,
    (stream, event): (StreamId, NewEvent),
    (made_of, what): (EventId, &str),
) -> Result<(), ConsumeError> {
    let id = EventId::new(Uuid::new_v5(&made_of.get(), what.as_bytes()));
    let append = Append::to(stream, ExpectedVersion::Any, vec![event.with_id(id)]);
    match journal.append(append).await {
        Ok(_) | Err(JournalError::Store(StoreError::DuplicateEvent { .. })) => Ok(()),
        Err(JournalError::Store(error)) => Err(error.into()),
        Err(error) => Err(ConsumeError::poison(error)),
    }
}
