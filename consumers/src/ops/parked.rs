//! Keys that wait.

use annals_core::Position;
use annals_core::store::{StoreError, Workspace};
use annals_core::table::RowQuery;
use jiff::Timestamp;
use serde::Serialize;

use crate::records::{ParkedItem, ParkedKey, Record, list, of_consumer, of_key};

/// A key that waits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Parked {
    /// The consumer.
    pub consumer: String,
    /// The generation.
    pub generation: u64,
    /// The key.
    pub key: String,
    /// The first event that waits.
    pub position: Position,
    /// Its type.
    pub event_type: String,
    /// Why it failed last.
    pub reason: String,
    /// How often it was tried.
    pub attempts: u32,
    /// Since when it has been parked.
    pub since: Timestamp,
    /// When it is tried again; none means that a person must act.
    pub next_attempt: Option<Timestamp>,
    /// Whether the key goes on without what waits: what failed was skipped.
    pub skipped: bool,
    /// How many events wait behind it.
    pub events: u64,
}

/// Whether a key of a generation of a consumer is parked.
///
/// # Errors
/// [`StoreError`] when the store cannot be read.
pub async fn is_parked(
    work: &dyn Workspace,
    (consumer, generation): (&str, u64),
    key: &str,
) -> Result<bool, StoreError> {
    let row_key = ParkedKey::row_key(consumer, generation, key);
    Ok(!work.load_rows(ParkedKey::table(), &[row_key]).await?.is_empty())
}

/// The keys of a consumer that are parked.
///
/// # Errors
/// [`StoreError`] when the store cannot be read.
pub async fn parked(work: &dyn Workspace, consumer: &str) -> Result<Vec<Parked>, StoreError> {
    let query = RowQuery { conditions: vec![of_consumer(consumer)], ..RowQuery::default() };
    let mut parked = Vec::new();
    for key in list::<ParkedKey>(work, &query).await? {
        let conditions = of_key(consumer, key.generation, &key.key);
        let behind = RowQuery { conditions, ..RowQuery::default() };
        let events = work.count_rows(ParkedItem::table(), &behind).await?;
        parked.push(Parked {
            consumer: key.consumer,
            generation: key.generation,
            key: key.key,
            position: key.position,
            event_type: key.event_type,
            reason: key.reason,
            attempts: key.attempts,
            since: key.since,
            next_attempt: key.next_attempt,
            skipped: key.skipped,
            events,
        });
    }
    Ok(parked)
}
