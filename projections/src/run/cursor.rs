//! One generation of a projection on its way through the log: fold pages, commit batches.

use std::sync::Arc;

use annals_core::Position;
use annals_core::store::{LogPage, StoreError, Transaction, TransactionWork};
use async_trait::async_trait;
use tokio::sync::Mutex;

use super::shared::Shared;
use crate::error::ProjectionError;
use crate::form::{Folder, StoreRows};
use crate::record::Generation;

/// Shared with the transaction that writes it; never contended.
pub(crate) type SharedFolder = Arc<Mutex<Box<dyn Folder>>>;

pub(crate) struct Cursor {
    pub(crate) shared: Arc<Shared>,
    pub(crate) generation: Generation,
    pub(crate) folder: SharedFolder,
    /// The checkpoint in the store.
    pub(crate) committed: Position,
    /// How far pages have been folded.
    pub(crate) folded: Position,
}

impl Cursor {
    /// Goes on from the generation's checkpoint.
    pub(crate) async fn open(
        shared: Arc<Shared>,
        generation: Generation,
    ) -> Result<Self, ProjectionError> {
        let name = generation.checkpoint(shared.definition.name);
        let checkpoint = shared.store().checkpoint(&name).await?;
        let committed =
            checkpoint.ok_or(ProjectionError::Moved { projection: shared.definition.name })?;
        let folder = shared.definition.folder(generation.real(&shared.definition.tables));
        let folder = Arc::new(Mutex::new(folder));
        Ok(Self { shared, generation, folder, committed, folded: committed })
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
        let mut folder = self.folder.lock().await;
        folder.fold(events, &mut StoreRows(&**self.shared.store())).await?;
        self.folded = page.next;
        Ok(())
    }

    /// Whether a batch has grown so large that it should be written.
    pub(crate) async fn is_full(&self) -> bool {
        let options = &self.shared.options;
        self.folded.since(self.committed) >= options.batch_events
            || self.folder.lock().await.pending() >= options.batch_rows
    }

    /// Whether rows wait to be written; otherwise only the checkpoint would move.
    pub(crate) async fn has_rows(&self) -> bool {
        self.folder.lock().await.pending() > 0
    }

    /// Writes the rows and the checkpoint in one transaction.
    pub(crate) async fn commit(&mut self) -> Result<(), ProjectionError> {
        if self.folded == self.committed {
            return Ok(());
        }
        let work = CommitBatch {
            projection: self.shared.definition.name,
            generation: self.generation.clone(),
            folder: self.folder.clone(),
            from: self.committed,
            to: self.folded,
        };
        let result = self.shared.store().transact(Box::new(work)).await;
        let mut folder = self.folder.lock().await;
        match result {
            Ok(()) => {
                folder.written();
                metrics::counter!("annals_projection_events_total", "projection" => self.shared.definition.name)
                    .increment(self.folded.since(self.committed));
                self.committed = self.folded;
                Ok(())
            }
            Err(error) => {
                folder.forget();
                Err(error.into())
            }
        }
    }
}

struct CommitBatch {
    projection: &'static str,
    generation: Generation,
    folder: SharedFolder,
    from: Position,
    to: Position,
}

impl CommitBatch {
    async fn write(&mut self, transaction: &mut dyn Transaction) -> Result<(), ProjectionError> {
        let checkpoint = self.generation.checkpoint(self.projection);
        let at = transaction.checkpoint(&checkpoint).await?;
        // Rows were folded on what stood there at `from`: if anybody has moved on, they are wrong.
        // The checkpoint of a generation goes with its tables, and its number is not given out again.
        if at != Some(self.from) {
            return Err(ProjectionError::Moved { projection: self.projection });
        }
        self.folder.lock().await.write(transaction).await?;
        Ok(transaction.set_checkpoint(&checkpoint, self.to).await?)
    }
}

#[async_trait]
impl TransactionWork for CommitBatch {
    async fn run(&mut self, transaction: &mut dyn Transaction) -> Result<(), StoreError> {
        self.write(transaction).await.map_err(ProjectionError::refuse)
    }
}
