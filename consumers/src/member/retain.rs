//! Forgetting ids of messages that can come no more. What is remembered by stream is small, and stays.

use std::time::Duration;

use annals_core::store::{StoreError, TransactExt};
use annals_core::table::{Comparison, Condition, RowQuery, Value};
use jiff::{SignedDuration, Timestamp};

use super::sweep::Sweeper;
use super::view::View;
use crate::records::{InboxRecord, ParkedKey, Record, list, of_consumer, remove};

/// How many are forgotten at a time.
const AT_A_TIME: u32 = 1_000;

/// The pause until it looks again, at the most and at the least.
const LOOK_AFTER: Duration = Duration::from_secs(600);
const AT_LEAST: Duration = Duration::from_secs(1);

impl Sweeper {
    /// Forgets what is older than the option says. Returns after how long to look again.
    pub(super) async fn retain(&self, view: &View) -> Result<Duration, StoreError> {
        let kept = SignedDuration::try_from(self.context.options.inbox_kept);
        let kept = kept.unwrap_or(SignedDuration::MAX);
        let Ok(before) = view.now.checked_sub(kept) else { return Ok(LOOK_AFTER) };
        let mut pause = LOOK_AFTER.min(self.context.options.inbox_kept / 10).max(AT_LEAST);
        let receiving = self.consumers.values().filter(|consumer| consumer.inflow.is_some());
        for consumer in receiving {
            if self.forget(&consumer.name, before).await? {
                pause = AT_LEAST;
            }
        }
        Ok(pause)
    }

    /// Says whether more may be left.
    async fn forget(&self, consumer: &str, before: Timestamp) -> Result<bool, StoreError> {
        let work = self.context.stores.work();
        let parked = RowQuery { conditions: vec![of_consumer(consumer)], ..RowQuery::default() };
        if work.count_rows(ParkedKey::table(), &parked).await? > 0 {
            // Should one that waits come once more, it would wait twice.
            return Ok(false);
        }
        let conditions = vec![
            of_consumer(consumer),
            Condition {
                column: "version",
                comparison: Comparison::Equal,
                value: Value::Integer(0),
            },
            Condition {
                column: "seen_at",
                comparison: Comparison::Less,
                value: Value::Timestamp(before),
            },
        ];
        let query = RowQuery { conditions, limit: AT_A_TIME, ..RowQuery::default() };
        let old = list::<InboxRecord>(&**work, &query).await?;
        let keys: Vec<_> = old.iter().map(Record::key).collect();
        if keys.is_empty() {
            return Ok(false);
        }
        let more = keys.len() == AT_A_TIME as usize;
        let forgotten = work.transact_with(move |transaction| {
            let keys = keys.clone();
            Box::pin(async move { remove::<InboxRecord>(transaction, &keys).await })
        });
        forgotten.await?;
        Ok(more)
    }
}
