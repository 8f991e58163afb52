//! How consumers are doing, and where they stand.

use std::collections::BTreeMap;

use annals_core::Position;
use annals_core::store::{StoreError, Workspace};
use annals_core::table::{Condition, RowQuery};
use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use super::members::{Member, members};
use crate::records::{
    ConsumerRecord, ParkedKey, PartitionId, PartitionRecord, Record, list, of_consumer,
    of_generation, survey,
};

/// One part of a consumer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Partition {
    /// The generation.
    pub generation: u64,
    /// The cut.
    pub epoch: u64,
    /// The part, from 0.
    pub part: u32,
    /// The version of the program that may work on it.
    pub version: u32,
    /// Its first slice.
    pub first_slice: u16,
    /// The slice after its last.
    pub end_slice: u16,
    /// Its checkpoint.
    pub position: Position,
    /// Where it ends, if it has been cut anew.
    pub ends_at: Option<Position>,
    /// Who works on it.
    pub owner: Option<String>,
    /// Who had it and is dead, until another takes it over.
    pub left_by: Option<Uuid>,
    /// What it is doing.
    pub state: String,
    /// On what it waits, or what went wrong.
    pub reason: Option<String>,
    /// Since when.
    pub since: Timestamp,
}

/// How a consumer is doing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ConsumerStatus {
    /// Its name.
    pub name: String,
    /// What it is: `projection`, `handler`, `subscriber`.
    pub kind: String,
    /// The newest version that was started.
    pub version: u32,
    /// The generation that serves.
    pub generation: u64,
    /// What becomes of an event that fails.
    pub on_failure: String,
    /// Where its events come from, when that is not the log: its positions are numbers of messages then.
    pub origin: Option<String>,
    /// Who paused it and why, if it is.
    pub paused_by: Option<String>,
    /// The least of its serving partitions' checkpoints.
    pub position: Position,
    /// How many keys are parked.
    pub parked_keys: u64,
    /// Its partitions that have not come to their end.
    pub partitions: Vec<Partition>,
    /// What is wrong with it, if something is: nobody works on a part, a part stands still, keys are
    /// parked.
    pub trouble: Vec<String>,
}

impl ConsumerStatus {
    /// Where a generation stands: the least of the checkpoints of its partitions. `None` when it has none.
    pub fn position_of(&self, generation: u64) -> Option<Position> {
        let parts = self.partitions.iter().filter(|part| part.generation == generation);
        parts.map(|part| part.position).min()
    }
}

/// Where the partitions of a generation of a consumer stand that have not come to their end.
///
/// # Errors
/// [`StoreError`] when the store cannot be read, or the row of one of them is damaged: nobody knows then
/// what it has not dealt with.
pub async fn positions(
    work: &dyn Workspace,
    consumer: &str,
    generation: u64,
) -> Result<BTreeMap<PartitionId, Position>, StoreError> {
    let conditions = of_generation(consumer, generation);
    let query = RowQuery { conditions, ..RowQuery::default() };
    let mut positions = BTreeMap::new();
    let (parts, damaged) = survey::<PartitionRecord>(work, &query).await?;
    if let Some(row) = damaged.into_iter().next() {
        return Err(row.into());
    }
    for part in parts.iter().filter(|part| !part.is_done()) {
        let Some(position) = work.checkpoint(&part.id().checkpoint()).await? else { continue };
        positions.insert(part.id(), position);
    }
    Ok(positions)
}

/// The partitions of a consumer, those that have come to their end among them.
///
/// # Errors
/// [`StoreError`] when the store cannot be read.
pub async fn partition_ids(
    work: &dyn Workspace,
    consumer: &str,
) -> Result<Vec<PartitionId>, StoreError> {
    let query = RowQuery { conditions: vec![of_consumer(consumer)], ..RowQuery::default() };
    let (parts, _) = survey::<PartitionRecord>(work, &query).await?;
    Ok(parts.iter().map(PartitionRecord::id).collect())
}

/// Where a generation of a consumer stands: the least of the checkpoints of its partitions. `None` when
/// it has none.
///
/// # Errors
/// As [`positions`].
pub async fn position(
    work: &dyn Workspace,
    consumer: &str,
    generation: u64,
) -> Result<Option<Position>, StoreError> {
    Ok(positions(work, consumer, generation).await?.into_values().min())
}

/// How every consumer is doing that the store knows.
///
/// # Errors
/// [`StoreError`] when the store cannot be read.
pub async fn consumers(work: &dyn Workspace) -> Result<Vec<ConsumerStatus>, StoreError> {
    statuses(work, Vec::new(), Vec::new()).await
}

/// How one consumer is doing; `None` if the store does not know it.
///
/// # Errors
/// [`StoreError`] when the store cannot be read.
pub async fn consumer(
    work: &dyn Workspace,
    name: &str,
) -> Result<Option<ConsumerStatus>, StoreError> {
    let named = Condition { column: "name", ..of_consumer(name) };
    Ok(statuses(work, vec![named], vec![of_consumer(name)]).await?.into_iter().next())
}

async fn statuses(
    work: &dyn Workspace,
    named: Vec<Condition>,
    of_consumer_named: Vec<Condition>,
) -> Result<Vec<ConsumerStatus>, StoreError> {
    let members: BTreeMap<Uuid, Member> =
        members(work).await?.into_iter().map(|member| (member.id, member)).collect();
    let all = RowQuery::default();
    let only = |conditions| RowQuery { conditions, ..RowQuery::default() };
    let known = list::<ConsumerRecord>(work, &only(named)).await?;
    let (records, damaged) = survey::<PartitionRecord>(work, &only(of_consumer_named)).await?;
    let mut statuses = Vec::new();
    for consumer in known {
        let parked = RowQuery { conditions: vec![of_consumer(&consumer.name)], ..all.clone() };
        let parked_keys = work.count_rows(ParkedKey::table(), &parked).await?;
        let mut partitions = Vec::new();
        let damaged = damaged.iter().filter(|row| row.consumer() == Some(&*consumer.name));
        let mut trouble: Vec<String> =
            damaged.map(|row| StoreError::from(row.clone()).to_string()).collect();
        let own = records.iter().filter(|record| record.consumer == consumer.name);
        let own: Vec<&PartitionRecord> = own.filter(|record| !record.is_done()).collect();
        for record in &own {
            let checkpoint = record.id().checkpoint();
            let Some(position) = work.checkpoint(&checkpoint).await? else {
                // It goes with its partition, which may have gone since.
                let row = work.load_rows(PartitionRecord::table(), &[record.key()]).await?;
                if !row.is_empty() {
                    trouble.push(format!(
                        "nobody can work on part {}: its checkpoint `{checkpoint}` is gone; rebuild \
                         what can be rebuilt, and put the row of what has effects outside back from a \
                         backup",
                        record.part
                    ));
                }
                continue;
            };
            let owner = record.owner.and_then(|owner| members.get(&owner));
            let owner = owner.filter(|owner| owner.alive).map(|owner| owner.label.clone());
            // What is cut anew comes to its end before the next cut begins.
            let cut_before = own
                .iter()
                .any(|other| other.generation == record.generation && other.epoch < record.epoch);
            let wanted = record.version == consumer.version && !record.is_held() && !cut_before;
            if owner.is_none() && !consumer.paused && wanted {
                trouble.push(format!("nobody works on part {}", record.part));
            }
            if let Some(reason) = &record.reason {
                trouble.push(format!("part {} is {}: {reason}", record.part, record.state));
            }
            partitions.push(Partition {
                generation: record.generation,
                epoch: record.epoch,
                part: record.part,
                version: record.version,
                first_slice: record.first_slice,
                end_slice: record.end_slice,
                position,
                ends_at: record.ends_at,
                left_by: record.owner.filter(|_| owner.is_none()),
                owner,
                state: record.state.clone(),
                reason: record.reason.clone(),
                since: record.changed_at,
            });
        }
        if parked_keys > 0 {
            trouble.push(format!("{parked_keys} keys are parked"));
        }
        let serving = partitions.iter().filter(|part| part.generation == consumer.generation);
        let position = serving.map(|part| part.position).min().unwrap_or_default();
        statuses.push(ConsumerStatus {
            name: consumer.name,
            kind: consumer.kind,
            version: consumer.version,
            generation: consumer.generation,
            on_failure: consumer.on_failure,
            origin: consumer.origin,
            paused_by: consumer.paused_by.filter(|_| consumer.paused),
            position,
            parked_keys,
            partitions,
            trouble,
        });
    }
    Ok(statuses)
}
