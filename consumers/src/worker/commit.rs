//! One batch: rows, parked events and the checkpoint, in one transaction.

use std::sync::{Arc, PoisonError};

use annals_core::Position;
use annals_core::store::{Advance, StoreError, Transaction, TransactionWork};
use async_trait::async_trait;
use tokio::sync::Mutex;
use tokio::time::Instant;
use tracing::{Instrument, Span};

use super::panicked;
use super::transactional::Transactional;
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
    /// What it has had, where that may come twice.
    pub(super) inbox: Option<super::inbox::Inbox>,
    /// What waited behind its key and is dealt with in this batch.
    pub(super) redone: Vec<ParkedItem>,
    pub(super) reached: Arc<std::sync::Mutex<Position>>,
    /// A store may run it on a thread of its own.
    pub(super) span: Span,
}

impl Batch {
    async fn write(&mut self, transaction: &mut dyn Transaction) -> Result<(), ConsumeError> {
        let mut target = self.target.lock().await;
        let wrote = target.write(transaction, &self.until).await?;
        let mut step = self.step.clone();
        if let Wrote::UpTo(position) = wrote {
            step.to = position;
        }
        let aside = self.aside.iter().filter(|item| item.position <= step.to);
        let aside: Vec<_> = aside.map(Record::row).collect();
        if !aside.is_empty() {
            transaction.upsert_rows(ParkedItem::table(), &aside).await?;
        }
        if let Some(inbox) = &self.inbox {
            super::inbox::write(transaction, &inbox.had(step.to)).await?;
        }
        if !self.redone.is_empty() {
            let keys: Vec<_> = self.redone.iter().map(Record::key).collect();
            remove::<ParkedItem>(transaction, &keys).await?;
        }
        *self.reached.lock().unwrap_or_else(PoisonError::into_inner) = step.to;
        transaction.advance_checkpoint(&step).await?;
        target.append(transaction).await
    }
}

#[async_trait]
impl TransactionWork for Batch {
    async fn run(&mut self, transaction: &mut dyn Transaction) -> Result<(), StoreError> {
        let span = self.span.clone();
        let written = caught(self.write(transaction), panicked).instrument(span).await;
        written.map_err(|error| match error {
            // In its own words, for whoever hears of it in the store.
            ConsumeError::Lost(_) => self.step.refused(),
            error => error.refuse(),
        })
    }
}

impl Transactional {
    /// Writes what was taken in and the checkpoint, in as many transactions as it takes. When it is
    /// time to stop, what is not written yet stays behind: it will be read again.
    pub(super) async fn commit(&mut self) -> Result<(), ConsumeError> {
        while !self.is_settled() {
            self.commit_once(self.taken, Vec::new()).await?;
            if self.worker.stop.is_set() {
                break;
            }
        }
        Ok(())
    }

    pub(super) async fn commit_once(
        &mut self,
        to: Position,
        redone: Vec<ParkedItem>,
    ) -> Result<(), ConsumeError> {
        self.prepare().await?;
        let reached = Arc::new(std::sync::Mutex::new(to));
        let deadline = Instant::now() + self.worker.context.options.batch_time;
        let begun = Instant::now();
        let batch = Batch {
            target: self.target.clone(),
            until: Until::new(Some(deadline), self.worker.stop.clone()),
            step: self.worker.step(to),
            aside: self.aside.clone(),
            inbox: self.worker.inbox.clone(),
            redone,
            reached: reached.clone(),
            span: self.span.enter(),
        };
        let work = self.worker.context.stores.work().transact(Box::new(batch));
        let result = work.instrument(self.span.enter()).await;
        let mut target = self.target.lock().await;
        match result {
            Ok(()) => {
                target.written();
                let (left, due_in) = (target.pending(), target.due_in());
                drop(target);
                self.is_due_in(due_in);
                let consumer = || self.worker.id.consumer.clone();
                metrics::counter!("annals_consumer_batches_total", "consumer" => consumer())
                    .increment(1);
                metrics::histogram!("annals_consumer_batch_seconds", "consumer" => consumer())
                    .record(begun.elapsed().as_secs_f64());
                let reached = *reached.lock().unwrap_or_else(PoisonError::into_inner);
                self.span.written(&self.worker, reached, left);
                self.aside.retain(|item| item.position > reached);
                self.counts.positions += reached.since(self.worker.committed);
                if reached >= self.taken {
                    let counts = std::mem::take(&mut self.counts);
                    self.worker.consumer.handler.counted(&self.worker.id, counts);
                    self.bytes = 0;
                }
                self.worker.moved(reached);
                Ok(())
            }
            Err(error) => {
                target.forget();
                drop(target);
                self.span.failed();
                Err(self.explain(error))
            }
        }
    }

    /// Gets ready what is to be written.
    async fn prepare(&mut self) -> Result<(), ConsumeError> {
        let mut target = self.target.lock().await;
        let ready = caught(target.prepare(), panicked).instrument(self.span.enter()).await;
        if ready.is_err() {
            target.forget();
            self.span.failed();
        }
        ready
    }

    pub(super) fn explain(&self, error: StoreError) -> ConsumeError {
        match &error {
            // A store may say it in the words of its commit.
            StoreError::TransactionOver { first } => ConsumeError::from((**first).clone()),
            _ => ConsumeError::from(error),
        }
    }
}
