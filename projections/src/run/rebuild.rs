//! Rebuilding a read model from history, beside the one that serves.

use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use annals_core::Position;
use annals_core::store::{StoreError, Transaction, TransactionWork};
use async_trait::async_trait;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::catch_up::CaughtUp;
use super::cursor::Cursor;
use super::definition::Definition;
use super::shared::Shared;
use crate::error::ProjectionError;
use crate::record::{Generation, Record, shape};

/// How far a rebuild has got.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Progress {
    /// How many events of the log have been looked at.
    pub events: u64,
    /// How many of them since this rebuild began or went on.
    pub events_read: u64,
    /// How many there are.
    pub total: u64,
    /// How many a second, since this rebuild began or went on.
    pub events_per_second: f64,
    /// How long it will take at this speed, once that can be told.
    pub time_left: Option<Duration>,
    /// Whether the new version has taken over.
    pub done: bool,
}

impl Progress {
    /// How much is done, 0 to 100.
    pub fn percent(&self) -> u8 {
        match self.total {
            0 => 100,
            // At most 100, because it is cut off there.
            total => (self.events.saturating_mul(100) / total).min(100) as u8,
        }
    }

    fn new(begun: Instant, from: Position, at: Position, head: Position) -> Self {
        let seconds = begun.elapsed().as_secs_f64();
        let events_read = at.since(from);
        let rate = if seconds > 0.0 { events_read as f64 / seconds } else { 0.0 };
        let left = head.since(at);
        let time_left = (rate > 0.0).then(|| Duration::from_secs_f64(left as f64 / rate));
        Self {
            events: at.get(),
            events_read,
            total: head.get(),
            events_per_second: rate,
            time_left,
            done: false,
        }
    }
}

/// A rebuild that did not come to its end. The old version goes on serving.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum RebuildError {
    /// It was cancelled; the next rebuild goes on from here.
    #[error(
        "the rebuild of `{projection}` was cancelled at {events} events: start it again to go on"
    )]
    Cancelled {
        /// The projection.
        projection: &'static str,
        /// How far it had got.
        events: u64,
    },
    /// Another one is going on in this process.
    #[error("`{projection}` is being rebuilt already")]
    AlreadyRunning {
        /// The projection.
        projection: &'static str,
    },
    /// No projection of this name is started.
    #[error("`{projection}` is not started in this process: add it with `project` before `start`")]
    NotProjected {
        /// The projection.
        projection: &'static str,
    },
    /// It failed.
    #[error(transparent)]
    Projection(#[from] ProjectionError),
}

/// A rebuild that is going on in the background; await it for its end. Dropping it leaves the
/// rebuild running.
#[derive(Debug)]
pub struct RebuildHandle {
    progress: watch::Receiver<Progress>,
    cancel: watch::Sender<bool>,
    task: JoinHandle<Result<Progress, RebuildError>>,
    projection: &'static str,
}

impl RebuildHandle {
    /// A rebuild that could not begin.
    pub(crate) fn failed(projection: &'static str, error: RebuildError) -> Self {
        let (_, progress) = watch::channel(Progress::default());
        let (cancel, _) = watch::channel(false);
        let task = tokio::spawn(async move { Err(error) });
        Self { progress, cancel, task, projection }
    }

    /// How far it has got.
    pub fn progress(&self) -> Progress {
        self.progress.borrow().clone()
    }

    /// Waits until it has got further; returns `None` once it has ended. For progress bars.
    pub async fn next_progress(&mut self) -> Option<Progress> {
        self.progress.changed().await.ok()?;
        Some(self.progress.borrow_and_update().clone())
    }

    /// Stops it after the page at hand. What is built stays, and the next rebuild goes on from it.
    pub fn cancel(&self) {
        self.cancel.send_replace(true);
    }
}

impl IntoFuture for RebuildHandle {
    type Output = Result<Progress, RebuildError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            // Keeps `cancel` alive: a sender that is gone would read as "cancelled".
            let _cancel = self.cancel;
            match self.task.await {
                Ok(result) => result,
                Err(failed) => Err(RebuildError::Projection(ProjectionError::Panicked {
                    projection: self.projection,
                    message: failed.to_string(),
                })),
            }
        })
    }
}

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
            for table in &building.tables {
                transaction.drop_table(table).await?;
            }
            transaction.remove_checkpoint(&building.checkpoint(name)).await?;
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
