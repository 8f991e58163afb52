//! What a consumer remembers of messages.

use annals_core::store::{StoreError, Workspace};
use annals_core::table::RowQuery;

use crate::records::{InboxRecord, Record, of_consumer};

/// How many entries the inbox of a consumer has: one for each stream whose messages come in order, and one for
/// each other message until it is old enough to be forgotten.
///
/// # Errors
/// [`StoreError`] when the store cannot be read.
pub async fn remembered(work: &dyn Workspace, consumer: &str) -> Result<u64, StoreError> {
    let query = RowQuery { conditions: vec![of_consumer(consumer)], ..RowQuery::default() };
    work.count_rows(InboxRecord::table(), &query).await
}
