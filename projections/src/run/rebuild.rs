//! Rebuilding a read model from history, beside the one that serves.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use annals_core::store::{StoreError, Transaction, TransactionWork};
use async_trait::async_trait;
use tokio::sync::watch;

use super::catch_up::CaughtUp;
use super::cursor::Cursor;
use super::definition::Definition;
use super::handle::{RebuildError, RebuildHandle};
use super::progress::Progress;
use super::shared::Shared;
use crate::error::ProjectionError;
use crate::record::{Generation, Record, shape};

impl Shared {
    /// Starts a rebuild in the background.
    pub(crate) fn rebuild(self: &Arc<Self>) -> Result<RebuildHandle, RebuildError> {
        let projection = self.definition.name;
        let (progress, watching) = self.begin_rebuild()?;
        let (cancel, cancelled) = watch::channel(false);
        let shared = self.clone();
        let task = tokio::spawn(async move {
            let result = shared.build(&progress, cancelled).await;
            shared.end_rebuild();
            match result? {
                Built::Switched => Ok(progress.borrow().clone()),
                Built::Stopped => {
                    let events = progress.borrow().events;
                    Err(RebuildError::Cancelled { projection, events })
                }
            }
        });
        Ok(RebuildHandle { progress: watching, cancel, task, projection })
    }

    /// Rebuilds on the runner's own task; `false` when it was told to stop.
    pub(crate) async fn rebuild_here(
        self: &Arc<Self>,
        stop: watch::Receiver<bool>,
    ) -> Result<bool, ProjectionError> {
        let Ok((progress, _)) = self.begin_rebuild() else {
            // One was started by hand: it will do.
            self.switched.notified().await;
            return Ok(true);
        };
        let result = self.build(&progress, stop).await;
        self.end_rebuild();
        Ok(result? == Built::Switched)
    }

    fn begin_rebuild(
        &self,
    ) -> Result<(watch::Sender<Progress>, watch::Receiver<Progress>), RebuildError> {
        let mut running = self.rebuild.lock().unwrap_or_else(PoisonError::into_inner);
        if running.is_some() {
            return Err(RebuildError::AlreadyRunning { projection: self.definition.name });
        }
        let (progress, watching) = watch::channel(Progress::default());
        *running = Some(watching.clone());
        Ok((progress, watching))
    }

    fn end_rebuild(&self) {
        *self.rebuild.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    async fn build(
        self: &Arc<Self>,
        progress: &watch::Sender<Progress>,
        stop: watch::Receiver<bool>,
    ) -> Result<Built, ProjectionError> {
        let generation = self.begin_generation().await?;
        let mut cursor = Cursor::open(self.clone(), generation).await?;
        let (begun, from) = (Instant::now(), cursor.committed);
        loop {
            let caught_up = cursor
                .catch_up(|cursor, head| {
                    progress.send_replace(Progress::new(begun, from, cursor.folded, head));
                    !*stop.borrow()
                })
                .await?;
            if caught_up == CaughtUp::Stopped {
                return Ok(Built::Stopped);
            }
            if cursor.switch().await? {
                break;
            }
        }
        self.set_shape_fits(true);
        self.switched.notify_waiters();
        progress.send_modify(|progress| {
            progress.done = true;
            progress.time_left = Some(Duration::ZERO);
        });
        Ok(Built::Switched)
    }

    /// Goes on with the generation that is being built, if it is of this version and shape; makes
    /// a new one otherwise.
    async fn begin_generation(&self) -> Result<Generation, ProjectionError> {
        let result = Arc::default();
        let work =
            BeginGeneration { definition: self.definition.clone(), result: Arc::clone(&result) };
        self.store().transact(Box::new(work)).await?;
        let generation = result.lock().unwrap_or_else(PoisonError::into_inner).take();
        // A transaction that was committed has run its work to the end.
        Ok(generation.ok_or(StoreError::Closed)?)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Built {
    Switched,
    Stopped,
}

struct BeginGeneration {
    definition: Definition,
    result: Arc<Mutex<Option<Generation>>>,
}

impl BeginGeneration {
    async fn begin(
        &self,
        transaction: &mut dyn Transaction,
    ) -> Result<Generation, ProjectionError> {
        let Definition { name, version, tables, .. } = &self.definition;
        let mut record = Record::read(transaction, name).await?;
        if let Some(building) = &record.building {
            if building.version == *version && building.shape == shape(tables) {
                return Ok(building.clone());
            }
            let checkpoint = building.checkpoint(name);
            // Whoever is writing a batch of it comes first; the next batch finds no checkpoint.
            transaction.checkpoint(&checkpoint).await?;
            for table in &building.tables {
                transaction.drop_table(table).await?;
            }
            transaction.remove_checkpoint(&checkpoint).await?;
        }
        let generation = record.begin(transaction, name, *version, tables).await?;
        record.building = Some(generation.clone());
        record.write(transaction, name).await?;
        Ok(generation)
    }
}

#[async_trait]
impl TransactionWork for BeginGeneration {
    async fn run(&mut self, transaction: &mut dyn Transaction) -> Result<(), StoreError> {
        let generation = self.begin(transaction).await.map_err(ProjectionError::refuse)?;
        *self.result.lock().unwrap_or_else(PoisonError::into_inner) = Some(generation);
        Ok(())
    }
}
