//! What a member writes down of its partitions, and what it tells them.

use annals_core::store::{StoreError, TransactExt};
use annals_core::table::{Comparison, Condition, RowQuery, Value};
use jiff::Timestamp;

use super::claim::note;
use super::sweep::Sweeper;
use crate::consume::Doing;
use crate::records::{ParkedKey, list};

impl Sweeper {
    /// Writes down what the partitions are doing, where that has changed.
    pub(super) async fn tell(&mut self, now: Timestamp) -> Result<(), StoreError> {
        let (me, stalled_after) = (self.context.me, self.context.options.stalled_after);
        for (id, running) in &mut self.running {
            let report = running.report.borrow().clone();
            let stalled = report.waiting && report.progress.elapsed() > stalled_after;
            let limit = self.consumers.get(&*id.consumer).and_then(|known| known.late_after);
            let late = limit.filter(|limit| {
                let waits = report.oldest.map(|oldest| now.duration_since(oldest));
                waits.is_some_and(|waits| waits.unsigned_abs() > *limit && waits.is_positive())
            });
            let now = match (&report.doing, stalled, late) {
                (Doing::CatchingUp | Doing::Live, _, Some(limit)) => {
                    let why =
                        format!("the oldest event waits for longer than {limit:?} to be sent");
                    ("late", Some(why))
                }
                (Doing::CatchingUp | Doing::Live, true, None) => {
                    let why = format!(
                        "no progress for {stalled_after:?} while events wait: its handler takes too long \
                         or hangs"
                    );
                    ("stalled", Some(why))
                }
                (doing, ..) => (doing.as_str(), doing.reason().map(str::to_owned)),
            };
            if running.noted.as_ref() == Some(&now) {
                continue;
            }
            if now.0 == "stalled" {
                metrics::counter!("annals_consumer_stalls_total", "consumer" => id.consumer.clone())
                    .increment(1);
                tracing::error!(partition = %id, "a consumer is stalled");
            }
            let (partition, token, said) = (id.clone(), running.token, now.clone());
            self.context
                .stores
                .work()
                .transact_with(move |transaction| {
                    let (partition, said) = (partition.clone(), said.clone());
                    Box::pin(async move {
                        let said = (said.0, said.1.as_deref());
                        note(transaction, &partition, (token, Some(me)), said).await
                    })
                })
                .await?;
            running.noted = Some(now);
        }
        Ok(())
    }

    /// Tells the partitions which of their parked keys it is time to try again.
    pub(super) async fn tell_due(&mut self, now: Timestamp) -> Result<(), StoreError> {
        if self.running.is_empty() {
            return Ok(());
        }
        let due = Condition {
            column: "next_attempt",
            comparison: Comparison::LessOrEqual,
            value: Value::Timestamp(now),
        };
        let query = RowQuery { conditions: vec![due], limit: 1_000, ..RowQuery::default() };
        let keys = list::<ParkedKey>(&**self.context.stores.work(), &query).await?;
        for (id, running) in &self.running {
            let own = keys.iter().filter(|key| {
                key.consumer == id.consumer
                    && key.generation == id.generation
                    && running.partition.slices().contains(&key.slice)
            });
            let own: Vec<_> = own.map(|key| key.key.clone()).collect();
            if !own.is_empty() {
                running.due.send_replace(own);
            }
        }
        Ok(())
    }
}
