//! Messages that a consumer has dealt with, for sources that may send one twice.

use annals_core::RecordedEvent;
use annals_core::store::{StoreError, Transaction};
use jiff::Timestamp;
use serde_json::Value;

use crate::records::{InboxRecord, Record};

/// Remembers, in the transaction of its effects, that a consumer deals with a message: `false` when it
/// has done so before, and nothing is to be done again. What is rolled back is not remembered; of two who
/// deal with the same at once, the second waits for the end of the first.
///
/// # Errors
/// What the store runs into.
pub async fn remember(
    transaction: &mut dyn Transaction,
    consumer: &str,
    source: &str,
    id: &str,
) -> Result<bool, StoreError> {
    let message = InboxRecord {
        consumer: consumer.to_owned(),
        generation: 0,
        source: source.to_owned(),
        id: id.to_owned(),
        version: 0,
        seen_at: transaction.now().await?,
    };
    Ok(transaction.raise_rows(InboxRecord::table(), &[message.row()], "version").await? == 1)
}

/// How a message is known again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) source: String,
    pub(crate) id: String,
    pub(crate) version: u64,
}

/// How many messages of one event can be told apart.
const PARTS: u64 = 1 << 16;

/// How a message is known again: one that tells its place in its stream by that, which stays small however
/// many come, if those of a stream come in order; any other by its id.
pub(crate) fn seen(event: &RecordedEvent, ordered: bool) -> Seen {
    let attribute = |name: &str| event.metadata.attributes.get(name).and_then(Value::as_str);
    let source = event.metadata.source.clone().unwrap_or_default();
    match event.version.get() {
        version if version == 0 || !ordered => {
            Seen { source, id: event.id.to_string(), version: 0 }
        }
        version => {
            // Two routes may send different parts of a stream, each in its own time.
            let route = attribute("route").unwrap_or_default();
            let part = attribute("partindex").and_then(|part| part.parse().ok()).unwrap_or(0);
            Seen {
                source: format!("{source}#{route}"),
                id: event.stream.to_string(),
                version: version.saturating_mul(PARTS).saturating_add(part),
            }
        }
    }
}

impl Seen {
    /// The entry of it; the time follows when it is written.
    pub(crate) fn record(&self, (consumer, generation): (&str, u64)) -> InboxRecord {
        InboxRecord {
            consumer: consumer.to_owned(),
            generation,
            source: self.source.clone(),
            id: self.id.clone(),
            version: self.version,
            seen_at: Timestamp::UNIX_EPOCH,
        }
    }
}
