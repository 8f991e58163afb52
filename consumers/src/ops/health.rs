//! Whether everything that follows the log does so.

use std::collections::BTreeMap;

use annals_core::store::{StoreError, Workspace};
use annals_core::table::RowQuery;
use serde::Serialize;

use super::status::{ConsumerStatus, consumers};
use crate::records::{ConsumerRecord, survey};

/// Whether everything that follows the log does so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Health {
    /// Whether the store answers.
    pub live: bool,
    /// Whether every consumer is worked on and none stands still.
    pub ready: bool,
    /// Whether anything is wrong, be it only that keys are parked, which keeps nothing else waiting.
    pub degraded: bool,
    /// What is wrong, by consumer.
    pub trouble: BTreeMap<String, Vec<String>>,
}

/// Whether everything that follows the log does so, whoever runs it. A store that does not answer is a
/// finding too, and no error.
pub async fn health(work: &dyn Workspace) -> Health {
    let consumers = match consumers(work).await {
        Ok(consumers) => consumers,
        Err(error) => {
            let trouble = BTreeMap::from([("store".to_owned(), vec![error.to_string()])]);
            return Health { live: false, ready: false, degraded: true, trouble };
        }
    };
    // Keys that are parked are one line of a consumer's trouble.
    let goes_on =
        |consumer: &ConsumerStatus| consumer.trouble.len() <= usize::from(consumer.parked_keys > 0);
    let all = survey::<ConsumerRecord>(work, &RowQuery::default()).await;
    let damaged = all.map(|(_, damaged)| damaged).unwrap_or_default();
    let ready = damaged.is_empty() && consumers.iter().all(goes_on);
    let unreadable = damaged.into_iter().map(|row| {
        let whose = row.consumer().unwrap_or(row.table).to_owned();
        (whose, vec![StoreError::from(row).to_string()])
    });
    let trouble = consumers.into_iter().map(|consumer| (consumer.name, consumer.trouble));
    let trouble = trouble.chain(unreadable);
    let trouble: BTreeMap<_, _> = trouble.filter(|(_, trouble)| !trouble.is_empty()).collect();
    Health { live: true, ready, degraded: !trouble.is_empty(), trouble }
}
