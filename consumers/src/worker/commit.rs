//! One batch: rows, parked events and the checkpoint, in one transaction.

use std::sync::{Arc, PoisonError};

use annals_core::Position;
use annals_core::store::{Advance, StoreError, Transaction, TransactionWork};
use async_trait::async_trait;
use tokio::sync::Mutex;

use super::panicked;
use crate::caught::caught;
use crate::consume::{Consume, Until, Wrote};
use crate::error::ConsumeError;
use crate::records::{ParkedItem, Record, remove};

/// Shared with the transaction that writes it; never contended.
pub(super) type SharedTarget = Arc<Mutex<Box<dyn Consume>>>;

/// Writes what a target has taken in.
pub(super) struct Batch {
    pub(super) target: SharedTarget,
    pub(super) until: Until,
    pub(super) step: Advance,
    /// Events that were set aside because their keys are parked.
    pub(super) aside: Vec<ParkedItem>,
    /// What waited behind its key and is dealt with in this batch.
    pub(super) redone: Vec<ParkedItem>,
    pub(super) reached: Arc<std::sync::Mutex<Position>>,
}

impl Batch {
    async fn write(&mut self, transaction: &mut dyn Transaction) -> Result<(), ConsumeError> {
        let wrote = self.target.lock().await.write(transaction, &self.until).await?;
        let mut step = self.step.clone();
        if let Wrote::UpTo(position) = wrote {
            step.to = position;
        }
        let aside = self.aside.iter().filter(|item| item.position <= step.to);
        let aside: Vec<_> = aside.map(Record::row).collect();
        if !aside.is_empty() {
            transaction.upsert_rows(ParkedItem::table(), &aside).await?;
        }
        if !self.redone.is_empty() {
            let keys: Vec<_> = self.redone.iter().map(Record::key).collect();
            remove::<ParkedItem>(transaction, &keys).await?;
        }
        *self.reached.lock().unwrap_or_else(PoisonError::into_inner) = step.to;
        Ok(transaction.advance_checkpoint(&step).await?)
    }
}

#[async_trait]
impl TransactionWork for Batch {
    async fn run(&mut self, transaction: &mut dyn Transaction) -> Result<(), StoreError> {
        caught(self.write(transaction), panicked).await.map_err(|error| match error {
            // In its own words, for whoever hears of it in the store.
            ConsumeError::Lost(_) => self.step.refused(),
            error => error.refuse(),
        })
    }
}
