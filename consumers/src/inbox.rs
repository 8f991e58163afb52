//! Messages that a consumer has dealt with, for sources that may send one twice.

use annals_core::store::{StoreError, Transaction};
use annals_core::table::Value;

use crate::records::{InboxRecord, load, put};

/// Remembers, in the transaction of its effects, that a consumer deals with a message: `false` when it
/// has done so before, and nothing is to be done again. What is rolled back is not remembered.
///
/// # Errors
/// What the store runs into.
pub async fn remember(
    transaction: &mut dyn Transaction,
    consumer: &str,
    source: &str,
    id: &str,
) -> Result<bool, StoreError> {
    let key = [consumer, source, id].map(|part| Value::Text(part.to_owned()));
    if load::<InboxRecord>(transaction, key.to_vec()).await?.is_some() {
        return Ok(false);
    }
    let message = InboxRecord {
        consumer: consumer.to_owned(),
        source: source.to_owned(),
        id: id.to_owned(),
        seen_at: transaction.now().await?,
    };
    put(transaction, &message).await?;
    Ok(true)
}
