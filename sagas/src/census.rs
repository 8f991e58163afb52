//! How many instances stand where.

use std::collections::BTreeMap;

use annals_consumers::{PartitionId, ops};
use annals_core::store::{StoreError, Transaction, Workspace};
use serde::{Deserialize, Serialize};

use crate::ledger::Phase;

/// How many instances stand where, by [phase](Phase::as_str); those that have ended are counted, too. Each
/// partition keeps its own count, in the transaction of its steps: where log and workspace are apart, a
/// program that is killed between the two leaves it wrong by the steps of that transaction.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Census(BTreeMap<String, i64>);

impl Census {
    /// Of a saga, over all its partitions, those that it was cut into before among them: an instance may begin in
    /// one and end in another.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read, or holds what cannot be understood.
    pub async fn of(work: &dyn Workspace, saga: &str) -> Result<Self, StoreError> {
        let mut all = Self::default();
        for id in ops::partition_ids(work, saga).await? {
            if let Some(text) = work.state(&key(&id)).await? {
                all.add(&read(&id, &text)?);
            }
        }
        Ok(all)
    }

    /// How many instances are in a phase.
    pub fn count(&self, phase: &str) -> u64 {
        self.0.get(phase).map_or(0, |count| u64::try_from(*count).unwrap_or(0))
    }

    /// The phases with their counts.
    pub fn iter(&self) -> impl Iterator<Item = (&str, u64)> {
        self.0.keys().map(|phase| (phase.as_str(), self.count(phase)))
    }

    /// How many instances have not ended.
    pub fn open(&self) -> u64 {
        Phase::OPEN.iter().map(|phase| self.count(phase)).sum()
    }

    /// What one partition has counted.
    pub(crate) async fn load(
        transaction: &mut dyn Transaction,
        id: &PartitionId,
    ) -> Result<Self, StoreError> {
        match transaction.state(&key(id)).await? {
            Some(text) => read(id, &text),
            None => Ok(Self::default()),
        }
    }

    pub(crate) async fn store(
        &self,
        transaction: &mut dyn Transaction,
        id: &PartitionId,
    ) -> Result<(), StoreError> {
        let text = serde_json::to_string(self).map_err(StoreError::refused)?;
        transaction.put_state(&key(id), &text).await
    }

    /// An instance goes from one phase to another.
    pub(crate) fn moves(&mut self, from: &Phase, to: &Phase) {
        if from.as_str() == to.as_str() {
            return;
        }
        if *from != Phase::New {
            *self.0.entry(from.as_str().to_owned()).or_default() -= 1;
        }
        *self.0.entry(to.as_str().to_owned()).or_default() += 1;
    }

    pub(crate) fn add(&mut self, other: &Self) {
        for (phase, count) in &other.0 {
            *self.0.entry(phase.clone()).or_default() += count;
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Where a partition keeps its count.
fn key(id: &PartitionId) -> String {
    format!("saga/{id}")
}

fn read(id: &PartitionId, text: &str) -> Result<Census, StoreError> {
    serde_json::from_str(text).map_err(|error| StoreError::Corrupt {
        place: format!("the state `{}`", key(id)),
        detail: error.to_string(),
    })
}
