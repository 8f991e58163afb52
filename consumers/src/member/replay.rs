//! Doing once more what was done, where whoever receives it can tell.

use annals_core::Position;
use annals_core::store::{StoreError, Transaction};
use annals_core::table::RowQuery;
use serde::{Deserialize, Serialize};

use super::claim::disturb;
use super::requests::{Outcome, arguments};
use super::sweep::Sweeper;
use crate::records::{PartitionId, PartitionRecord, RequestRecord, list, of_consumer};

/// Doing once more what was done.
pub(crate) const REPLAY: &str = "replay";

/// From where on.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct From {
    pub(crate) from: Position,
}

impl Sweeper {
    /// Moves the checkpoints of a consumer back. Whoever works on a partition loses it, and whoever takes it
    /// then begins there.
    pub(super) async fn replay(&self, request: &RequestRecord) -> Result<Outcome, StoreError> {
        let From { from } = arguments(&request.arguments)?;
        let Some(consumer) = self.consumers.get(request.consumer.as_str()) else {
            return Ok(Outcome::NotYet);
        };
        if !consumer.handler.replays() || consumer.inflow.is_some() {
            return Ok(Outcome::Refused(format!(
                "a {} does nothing twice: only a relay sends once more what it has sent, because \
                 whoever receives it knows the ids",
                consumer.kind
            )));
        }
        let behind = Position::new(from.get().saturating_sub(1));
        let parts = self.parts_of(&request.consumer).await?;
        let answer = format!("what follows position {behind} is sent once more");
        self.begin_request(request, &answer, move |transaction| {
            let parts = parts.clone();
            Box::pin(async move { move_back(transaction, &parts, behind).await })
        })
        .await
    }

    /// The partitions of a consumer that have not come to their end.
    async fn parts_of(&self, name: &str) -> Result<Vec<PartitionId>, StoreError> {
        let query = RowQuery { conditions: vec![of_consumer(name)], ..RowQuery::default() };
        let parts = list::<PartitionRecord>(&**self.context.stores.work(), &query).await?;
        Ok(parts.iter().filter(|part| !part.is_done()).map(PartitionRecord::id).collect())
    }
}

async fn move_back(
    transaction: &mut dyn Transaction,
    parts: &[PartitionId],
    behind: Position,
) -> Result<(), StoreError> {
    for id in parts {
        let Some((_, fence)) = disturb(transaction, id).await? else { continue };
        if fence.position > behind {
            transaction.set_checkpoint(&id.checkpoint(), behind).await?;
        }
    }
    Ok(())
}
