//! What a consumer wants to happen at a time.

use std::ops::Range;

use annals_core::store::{StoreError, Transaction, Workspace};
use annals_core::table::{Comparison, Condition, Direction, RowQuery, Value};
use jiff::Timestamp;

use crate::records::{Json, Record, TimerRecord, find, list, of_consumer, remove};

/// Something that is to happen at a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timer {
    /// What tells it from the consumer's other timers.
    pub key: String,
    /// When it is due.
    pub due_at: Timestamp,
    /// What comes with it, as JSON.
    pub body: String,
}

/// Sets timers in the transaction of a step, in place of those with their keys: there is no step without
/// its timer, and no timer without its step.
///
/// # Errors
/// What the store runs into.
pub async fn schedule(
    transaction: &mut dyn Transaction,
    consumer: &str,
    timers: Vec<Timer>,
) -> Result<(), StoreError> {
    if timers.is_empty() {
        return Ok(());
    }
    let set_at = transaction.now().await?;
    let rows = timers.into_iter().map(|Timer { key, due_at, body }| {
        let (consumer, body) = (consumer.to_owned(), Json(body));
        TimerRecord { consumer, key, due_at, body, set_at }.row()
    });
    let rows: Vec<_> = rows.collect();
    transaction.upsert_rows(TimerRecord::table(), &rows).await
}

/// Takes timers away, those that are there: because they are not wanted any more, or in the transaction of
/// what they were set for.
///
/// # Errors
/// What the store runs into.
pub async fn cancel(
    transaction: &mut dyn Transaction,
    consumer: &str,
    keys: impl IntoIterator<Item = String>,
) -> Result<(), StoreError> {
    let key = |key| vec![Value::Text(consumer.to_owned()), Value::Text(key)];
    let keys: Vec<_> = keys.into_iter().map(key).collect();
    match keys.is_empty() {
        true => Ok(()),
        false => remove::<TimerRecord>(transaction, &keys).await,
    }
}

/// The earliest timers of a consumer between two keys, `most` of them, due or not.
///
/// # Errors
/// What the store runs into.
pub async fn earliest(
    transaction: &mut dyn Transaction,
    consumer: &str,
    keys: Range<String>,
    most: u32,
) -> Result<Vec<TimerRecord>, StoreError> {
    let query = RowQuery {
        conditions: between(consumer, keys),
        order: vec![("due_at", Direction::Ascending), ("key", Direction::Ascending)],
        limit: most,
        ..RowQuery::default()
    };
    find(transaction, &query).await
}

/// The timers of a consumer between two keys, by key.
///
/// # Errors
/// What the store runs into.
pub async fn timers_in(
    transaction: &mut dyn Transaction,
    consumer: &str,
    keys: Range<String>,
) -> Result<Vec<TimerRecord>, StoreError> {
    let query = RowQuery { conditions: between(consumer, keys), ..RowQuery::default() };
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
    let behind = after.map(|key| of_key(Comparison::Greater, key.to_owned()));
    let query = RowQuery {
        conditions: std::iter::once(of_consumer(consumer)).chain(behind).collect(),
        order: vec![("key", Direction::Ascending)],
        limit: most,
        ..RowQuery::default()
    };
    list(work, &query).await
}

fn between(consumer: &str, keys: Range<String>) -> Vec<Condition> {
    let first = of_key(Comparison::GreaterOrEqual, keys.start);
    vec![of_consumer(consumer), first, of_key(Comparison::Less, keys.end)]
}

fn of_key(comparison: Comparison, key: String) -> Condition {
    Condition { column: "key", comparison, value: Value::Text(key) }
}
