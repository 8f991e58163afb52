//! Cutting a consumer into another number of partitions.

use annals_core::Position;
use annals_core::store::{StoreError, Transaction};
use serde::{Deserialize, Serialize};

use super::claim::{consumer, disturb, lock};
use super::requests::{Outcome, arguments};
use super::sweep::Sweeper;
use super::view::View;
use crate::cut::partition;
use crate::records::{PartitionId, PartitionRecord, RequestRecord, put};

/// Into how many partitions a consumer is to be cut.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Cut {
    pub(crate) partitions: u32,
}

impl Sweeper {
    pub(super) async fn repartition(
        &self,
        request: &RequestRecord,
        view: &View,
    ) -> Result<Outcome, StoreError> {
        let Cut { partitions } = arguments(&request.arguments)?;
        let known = view.consumers.get(&request.consumer);
        let generation = known.map_or(1, |known| known.generation);
        let parts = view
            .partitions
            .iter()
            .filter(|part| part.consumer == request.consumer && part.generation == generation);
        // What cannot be read may be a part, and its events would be nobody's.
        if let Some(row) = view.damaged_before(&request.consumer, generation, u64::MAX) {
            return Ok(match request.answer {
                Some(_) => Outcome::NotYet,
                None => Outcome::Refused(StoreError::from(row.clone()).to_string()),
            });
        }
        let mut parts: Vec<PartitionRecord> = parts.cloned().collect();
        parts.sort_by_key(PartitionRecord::id);
        let epochs = |parts: &[PartitionRecord]| {
            (parts.first().map(|part| part.epoch), parts.last().map(|part| part.epoch))
        };
        let (Some(first), Some(last)) = epochs(&parts) else {
            return Ok(Outcome::Refused("there are no partitions to be cut anew".to_owned()));
        };
        if request.answer.is_some() {
            // The old ones run up to the barrier.
            return Ok(match first == last {
                true => Outcome::Done(format!("{} partitions", parts.len())),
                false => Outcome::NotYet,
            });
        }
        if first != last {
            return Ok(Outcome::Refused("it is being cut anew already".to_owned()));
        }
        let allowed = self.consumers.get(request.consumer.as_str());
        if let Some(inflow) = allowed.and_then(|consumer| consumer.inflow.as_ref()) {
            return Ok(Outcome::Refused(format!(
                "its events come from {}, whose lanes were shared out when it began: give it another name \
                 with other partitions",
                inflow.origin()
            )));
        }
        let most = allowed.map_or(1, |consumer| consumer.most_partitions);
        if partitions == 0 || partitions > most {
            return Ok(Outcome::Refused(format!(
                "`{}` can have 1 to {most} partitions, not {partitions}: declare it to be partitioned \
                 by id first",
                request.consumer
            )));
        }
        let (name, ids) = (request.consumer.clone(), parts.iter().map(PartitionRecord::id));
        let ids: Vec<PartitionId> = ids.collect();
        self.begin_request(request, "cutting", move |transaction| {
            let (name, ids) = (name.clone(), ids.clone());
            Box::pin(async move { cut(transaction, &name, &ids, partitions).await })
        })
        .await?;
        Ok(Outcome::NotYet)
    }
}

/// Cuts a consumer anew: the old partitions run up to a barrier that none of them has passed, the new
/// ones begin there.
async fn cut(
    transaction: &mut dyn Transaction,
    name: &str,
    ids: &[PartitionId],
    partitions: u32,
) -> Result<(), StoreError> {
    lock(transaction, name).await?;
    let mut old = Vec::new();
    for id in ids {
        // Whoever works on it is stopped before the barrier is known.
        if let Some(disturbed) = disturb(transaction, id).await? {
            old.push(disturbed);
        }
    }
    let barrier = old.iter().map(|(_, fence)| fence.position).max().unwrap_or(Position::START);
    let Some((first, _)) = old.first() else {
        return Err(StoreError::Invalid { why: "there are no partitions any more".to_owned() });
    };
    let (generation, epoch, version) = (first.generation, first.epoch, first.version);
    if old.iter().any(|(part, _)| part.ends_at.is_some()) {
        return Err(StoreError::Invalid { why: "it is being cut anew already".to_owned() });
    }
    for (mut part, _) in old {
        part.ends_at = Some(barrier);
        put(transaction, &part).await?;
    }
    partition(transaction, (name, generation, epoch + 1), version, partitions, barrier).await?;
    if let Some(mut record) = consumer(transaction, name).await? {
        record.partitions = partitions;
        record.changed_at = transaction.now().await?;
        put(transaction, &record).await?;
    }
    Ok(())
}
