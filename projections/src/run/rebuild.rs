//! Rebuilding a read model from history, beside the one that serves.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use annals_core::store::{StoreError, Transaction, TransactionWork};
use async_trait::async_trait;
use tokio::sync::watch;

use super::catch_up::CaughtUp;
use super::caught::caught;
use super::cursor::Cursor;
use super::definition::Definition;
use super::pause::Pauses;
use super::progress::Progress;
use super::rebuild_handle::{RebuildError, RebuildHandle};
use super::shared::Shared;
use super::stop::Stop;
use super::switch::Switched;
use crate::error::ProjectionError;
use crate::generations::{Generation, Generations, shape};
use crate::owner;

/// How often a rebuild begins again because somebody else moved, without getting any further.
const MOST_ROUNDS: u32 = 10;

/// The pauses while the old tables are being read and cannot be replaced.
const SWITCH_PAUSES: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));

impl Shared {
    /// Starts a rebuild in the background.
    pub(crate) fn rebuild(self: &Arc<Self>, stop: &Stop) -> Result<RebuildHandle, RebuildError> {
        let projection = self.definition.name.clone();
        let (slot, watching) = self.take_slot()?;
        let (cancel, cancelled) = watch::channel(false);
        let (shared, stop) = (self.clone(), stop.or(cancelled));
        let task = tokio::spawn(async move {
            let progress = &slot.progress;
            match caught(&projection, shared.build(progress, &stop)).await {
                Ok(Built::Switched | Built::Elsewhere) => Ok(progress.borrow().clone()),
                Ok(Built::Stopped) => {
                    let events = progress.borrow().events;
                    Err(RebuildError::Cancelled { projection, events })
                }
                Err(error) => {
                    tracing::error!(%projection, %error, "the rebuild failed");
                    Err(RebuildError::Projection(error))
                }
            }
        });
        self.rebuild_is(task.abort_handle());
        let projection = self.definition.name.clone();
        Ok(RebuildHandle { progress: watching, cancel, task, projection })
    }

    /// Rebuilds on the runner's own task.
    pub(crate) async fn rebuild_here(
        self: &Arc<Self>,
        stop: &Stop,
    ) -> Result<Built, ProjectionError> {
        let Ok((slot, _)) = self.take_slot() else {
            // One was started by hand. However it ends, it is time to look again then.
            self.rebuild_ended(Some(stop)).await;
            return Ok(if stop.is_set() { Built::Stopped } else { Built::Elsewhere });
        };
        self.build(&slot.progress, stop).await
    }

    async fn build(
        self: &Arc<Self>,
        progress: &watch::Sender<Progress>,
        stop: &Stop,
    ) -> Result<Built, ProjectionError> {
        let mut pauses = Pauses::to_yield();
        let (mut rounds, mut reached, mut number) = (0, 0, None);
        let built = loop {
            let error = match self.build_once(progress, stop, &mut number).await {
                Ok(built) => break built,
                Err(error) => error,
            };
            let open = matches!(&error, ProjectionError::Store(error) if error.may_have_written());
            if !open && !error.is_contention() {
                return Err(error);
            }
            // Another program may build the same: what it has finished is finished.
            if let Some(number) = number
                && self.is_active(number).await?
            {
                break Built::Elsewhere;
            }
            let now = progress.borrow().events;
            (rounds, reached) = if now > reached { (0, now) } else { (rounds + 1, reached) };
            if rounds > MOST_ROUNDS {
                return Err(error);
            }
            if stop.within(pauses.next()).await {
                break Built::Stopped;
            }
        };
        if built != Built::Stopped {
            self.announce_switch();
            progress.send_modify(|progress| {
                progress.done = true;
                progress.waiting_for = None;
                progress.time_left = Some(Duration::ZERO);
            });
        }
        Ok(built)
    }

    async fn build_once(
        self: &Arc<Self>,
        progress: &watch::Sender<Progress>,
        stop: &Stop,
        number: &mut Option<u64>,
    ) -> Result<Built, ProjectionError> {
        let generation = self.begin_generation().await?;
        *number = Some(generation.number);
        let mut cursor = Cursor::open(self.clone(), generation, stop.clone()).await?;
        let (begun, from) = (Instant::now(), cursor.committed);
        let mut pauses = Pauses::new(SWITCH_PAUSES.0, SWITCH_PAUSES.1);
        loop {
            let waiting_for = progress.borrow().waiting_for.clone();
            let caught_up = cursor
                .catch_up(|cursor, head| {
                    let now = Progress::new(begun, from, cursor.folded, head);
                    progress.send_replace(Progress { waiting_for: waiting_for.clone(), ..now });
                })
                .await?;
            if caught_up == CaughtUp::Stopped {
                return Ok(Built::Stopped);
            }
            match cursor.switch().await? {
                Switched::Done => return Ok(Built::Switched),
                Switched::Behind => {}
                Switched::Locked(why) => {
                    progress.send_modify(|progress| progress.waiting_for = Some(why));
                    if stop.within(pauses.next()).await {
                        return Ok(Built::Stopped);
                    }
                }
            }
        }
    }

    /// Whether a generation, or one after it, has taken over.
    async fn is_active(&self, number: u64) -> Result<bool, ProjectionError> {
        let projection = &*self.definition.name;
        let text = self.work().state(&Generations::key(projection)).await?;
        let active = Generations::parse(text.as_deref(), projection)?.active;
        Ok(active.is_some_and(|active| active.number >= number))
    }

    /// Goes on with the generation that is being built, if it is of this version and shape; makes
    /// a new one otherwise.
    async fn begin_generation(&self) -> Result<Generation, ProjectionError> {
        let result = Arc::default();
        let work =
            BeginGeneration { definition: self.definition.clone(), result: Arc::clone(&result) };
        self.work().transact(Box::new(work)).await?;
        let generation = result.lock().unwrap_or_else(PoisonError::into_inner).take();
        // A transaction that was committed has run its work to the end.
        Ok(generation.ok_or(StoreError::Closed)?)
    }
}

/// How a rebuild ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Built {
    /// The new tables have taken over.
    Switched,
    /// Somebody else has built, or tried to: look again.
    Elsewhere,
    /// It was time to stop.
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
        let (projection, own) = (&**name, *version);
        let mut generations = Generations::read(transaction, name).await?;
        if let Some(active) = generations.active.as_ref().map(|active| active.version)
            && active > own
        {
            let projection = projection.into();
            return Err(ProjectionError::Superseded { projection, active, own });
        }
        owner::claim(transaction, projection, tables).await?;
        if let Some(building) = generations.building.take() {
            if building.version > own {
                let (building, projection) = (building.version, projection.into());
                return Err(ProjectionError::BeingReplaced { projection, building, own });
            }
            let checkpoint = building.checkpoint(name);
            let fits = building.version == own && building.shape == shape(tables);
            if fits && transaction.checkpoint(&checkpoint).await?.is_some() {
                for (_, real) in building.real(tables) {
                    // Its indexes may have changed since.
                    transaction.create_table(&real).await?;
                }
                return Ok(building);
            }
            building.discard(transaction, name).await?;
        }
        let generation = generations.begin(transaction, name, own, tables).await?;
        generations.building = Some(generation.clone());
        generations.write(transaction, name).await?;
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
