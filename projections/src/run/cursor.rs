//! One generation of a projection on its way through the log: fold pages, commit batches.

use std::sync::{Arc, PoisonError};
use std::time::Instant;

use annals_core::Position;
use annals_core::store::{LogPage, StoreError, Transaction, TransactionWork};
use async_trait::async_trait;
use tokio::sync::Mutex;

use super::caught::caught;
use super::shared::Shared;
use super::stop::Stop;
use crate::error::ProjectionError;
use crate::fold::{Fold, StoreRows, Until, Wrote};
use crate::generations::{Generation, Generations};

/// Shared with the transaction that writes it; never contended.
pub(crate) type SharedFold = Arc<Mutex<Box<dyn Fold>>>;

pub(crate) struct Cursor {
    pub(crate) shared: Arc<Shared>,
    pub(crate) generation: Generation,
    pub(crate) fold: SharedFold,
    pub(crate) stop: Stop,
    /// The checkpoint in the store.
    pub(crate) committed: Position,
    /// How far pages have been folded.
    pub(crate) folded: Position,
    /// Of the payloads that have been folded since the last commit.
    bytes: usize,
    /// After how many events a batch is written.
    pub(crate) batch_events: u64,
    /// Whether readers see its rows, so that they are to be told how far they are.
    shown: bool,
}

impl Cursor {
    /// Goes on from the generation's checkpoint.
    pub(crate) async fn open(
        shared: Arc<Shared>,
        generation: Generation,
        stop: Stop,
    ) -> Result<Self, ProjectionError> {
        let checkpoint = generation.checkpoint(&shared.definition.name);
        let Some(committed) = shared.work().checkpoint(&checkpoint).await? else {
            return Err(shared.lost(&generation, checkpoint).await?);
        };
        let fold = shared.definition.new_fold(generation.real(&shared.definition.tables));
        let fold = Arc::new(Mutex::new(fold));
        let (folded, bytes, batch_events) = (committed, 0, shared.options.batch_events);
        let shown = false;
        Ok(Self { shared, generation, fold, stop, committed, folded, bytes, batch_events, shown })
    }

    /// The same of the generation that readers see.
    pub(crate) async fn open_shown(
        shared: Arc<Shared>,
        generation: Generation,
        stop: Stop,
    ) -> Result<Self, ProjectionError> {
        let cursor = Self::open(shared, generation, stop).await?;
        cursor.shared.publish(cursor.committed);
        Ok(Self { shown: true, ..cursor })
    }

    /// Folds a page in memory.
    pub(crate) async fn fold(&mut self, page: LogPage) -> Result<(), ProjectionError> {
        let mut events = page.events;
        // An event that is delivered again counts once: positions only grow.
        let mut last = self.folded;
        events.retain(|event| {
            let new = event.position > last;
            last = last.max(event.position);
            new
        });
        self.bytes += events.iter().map(|event| event.payload.as_str().len()).sum::<usize>();
        let mut fold = self.fold.lock().await;
        let mut rows = StoreRows(&**self.shared.work());
        caught(&self.shared.definition.name, fold.take_in(events, &mut rows)).await?;
        self.folded = page.next;
        Ok(())
    }

    /// Whether a batch has grown so large that it should be written.
    pub(crate) async fn is_full(&self) -> bool {
        let options = &self.shared.options;
        self.folded.since(self.committed) >= self.batch_events
            || self.bytes >= options.batch_bytes
            || self.fold.lock().await.pending() >= options.batch_rows
    }

    /// Whether rows wait to be written; otherwise only the checkpoint would move.
    pub(crate) async fn has_rows(&self) -> bool {
        self.fold.lock().await.pending() > 0
    }

    /// Writes the rows and the checkpoint, in as many transactions as it takes. When it is time to
    /// stop, what is not written yet stays behind: it will be read again.
    pub(crate) async fn commit(&mut self) -> Result<(), ProjectionError> {
        while self.committed < self.folded {
            self.commit_once().await?;
            if self.stop.is_set() {
                break;
            }
        }
        Ok(())
    }

    async fn commit_once(&mut self) -> Result<(), ProjectionError> {
        let reached = Arc::new(std::sync::Mutex::new(self.folded));
        let deadline = Instant::now() + self.shared.options.batch_time;
        let work = CommitBatch {
            projection: self.shared.definition.name.clone(),
            generation: self.generation.clone(),
            fold: self.fold.clone(),
            from: self.committed,
            to: self.folded,
            until: Until::new(Some(deadline), self.stop.clone()),
            reached: reached.clone(),
        };
        let result = self.shared.work().transact(Box::new(work)).await;
        let mut fold = self.fold.lock().await;
        match result {
            Ok(()) => {
                fold.written();
                let reached = *reached.lock().unwrap_or_else(PoisonError::into_inner);
                metrics::counter!("annals_projection_events_total", "projection" => self.shared.definition.name.clone())
                    .increment(reached.since(self.committed));
                self.committed = reached;
                if self.shown {
                    self.shared.publish(reached);
                }
                self.bytes = if reached == self.folded { 0 } else { self.bytes };
                Ok(())
            }
            Err(error) => {
                fold.forget();
                Err(error.into())
            }
        }
    }

    /// Goes back to what was committed.
    pub(crate) async fn forget(&mut self) {
        self.fold.lock().await.forget();
        self.folded = self.committed;
        self.bytes = 0;
    }
}

impl Shared {
    /// Why a generation has no checkpoint: it was replaced, or somebody removed it.
    async fn lost(
        &self,
        generation: &Generation,
        checkpoint: String,
    ) -> Result<ProjectionError, ProjectionError> {
        let projection = self.definition.name.clone();
        let text = self.work().state(&Generations::key(&projection)).await?;
        let generations = Generations::parse(text.as_deref(), &projection)?;
        let current = [&generations.active, &generations.building].into_iter().flatten();
        let is_current = current.into_iter().any(|current| current.number == generation.number);
        // It may have been made between the two reads.
        Ok(if is_current && self.work().checkpoint(&checkpoint).await?.is_none() {
            ProjectionError::CheckpointLost { projection, checkpoint }
        } else {
            ProjectionError::Moved { projection }
        })
    }
}

struct CommitBatch {
    projection: Arc<str>,
    generation: Generation,
    fold: SharedFold,
    from: Position,
    to: Position,
    until: Until,
    reached: Arc<std::sync::Mutex<Position>>,
}

impl CommitBatch {
    async fn write(&mut self, transaction: &mut dyn Transaction) -> Result<(), ProjectionError> {
        let checkpoint = self.generation.checkpoint(&self.projection);
        let at = transaction.checkpoint(&checkpoint).await?;
        // Rows were folded on what stood there at `from`: if anybody has moved on, they are wrong.
        // The checkpoint of a generation goes with its tables, and its number is not given out again.
        if at != Some(self.from) {
            return Err(ProjectionError::Moved { projection: self.projection.clone() });
        }
        let wrote = self.fold.lock().await.write(transaction, &self.until).await?;
        let reached = match wrote {
            Wrote::All => self.to,
            Wrote::UpTo(position) => position,
        };
        *self.reached.lock().unwrap_or_else(PoisonError::into_inner) = reached;
        Ok(transaction.set_checkpoint(&checkpoint, reached).await?)
    }
}

#[async_trait]
impl TransactionWork for CommitBatch {
    async fn run(&mut self, transaction: &mut dyn Transaction) -> Result<(), StoreError> {
        let projection = self.projection.clone();
        caught(&projection, self.write(transaction)).await.map_err(ProjectionError::refuse)
    }
}
