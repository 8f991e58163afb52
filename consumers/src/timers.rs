//! What a consumer wants to happen at a time.

use annals_core::store::{StoreError, Transaction, Workspace};
use annals_core::table::{Comparison, Condition, Direction, RowQuery, Value};
use jiff::Timestamp;

use crate::records::{Json, TimerRecord, find, list, of_consumer, put, remove};

/// Sets a timer in the transaction of a step, in place of the one with its key: there is no step without
/// its timer, and no timer without its step. `body` is JSON.
///
/// # Errors
/// What the store runs into.
pub async fn schedule(
    transaction: &mut dyn Transaction,
    (consumer, key): (&str, &str),
    due_at: Timestamp,
    body: &str,
) -> Result<(), StoreError> {
    let timer = TimerRecord {
        consumer: consumer.to_owned(),
        key: key.to_owned(),
        due_at,
        body: Json(body.to_owned()),
        set_at: transaction.now().await?,
    };
    put(transaction, &timer).await
}

/// Takes a timer away, if it is there: because it is not wanted any more, or in the transaction of what it
/// was set for.
///
/// # Errors
/// What the store runs into.
pub async fn cancel(
    transaction: &mut dyn Transaction,
    (consumer, key): (&str, &str),
) -> Result<(), StoreError> {
    let key = vec![Value::Text(consumer.to_owned()), Value::Text(key.to_owned())];
    remove::<TimerRecord>(transaction, &[key]).await
}

/// The timers of a consumer that are due by the store's clock, the earliest first, `most` of them.
///
/// # Errors
/// What the store runs into.
pub async fn due(
    transaction: &mut dyn Transaction,
    consumer: &str,
    most: u32,
) -> Result<Vec<TimerRecord>, StoreError> {
    let now = transaction.now().await?;
    let is_due = Condition {
        column: "due_at",
        comparison: Comparison::LessOrEqual,
        value: Value::Timestamp(now),
    };
    let query = RowQuery {
        conditions: vec![of_consumer(consumer), is_due],
        order: vec![("due_at", Direction::Ascending), ("key", Direction::Ascending)],
        limit: most,
        ..RowQuery::default()
    };
    find(transaction, &query).await
}

/// The timers of a consumer, due or not, by key, those behind `after`, `most` of them: for whoever looks.
///
/// # Errors
/// What the store runs into.
pub async fn timers(
    work: &dyn Workspace,
    consumer: &str,
    after: Option<&str>,
    most: u32,
) -> Result<Vec<TimerRecord>, StoreError> {
    let behind = after.map(|key| Condition {
        column: "key",
        comparison: Comparison::Greater,
        value: Value::Text(key.to_owned()),
    });
    let query = RowQuery {
        conditions: std::iter::once(of_consumer(consumer)).chain(behind).collect(),
        order: vec![("key", Direction::Ascending)],
        limit: most,
        ..RowQuery::default()
    };
    list(work, &query).await
}
