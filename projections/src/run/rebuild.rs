//! Rebuilding a read model from history, beside the one that serves: a generation of its own, which the
//! engine fills, here or elsewhere.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use annals_consumers::{Counts, PartitionId, Stop, hold, ops, stands};
use annals_core::Position;
use annals_core::store::{TransactExt, Transaction};
use tokio::sync::watch;
use tokio::time::Instant;

use super::definition::Definition;
use super::progress::{Progress, Way};
use super::rebuild_handle::{RebuildError, RebuildHandle};
use super::shared::{Building, Shared};
use crate::error::ProjectionError;
use crate::generations::{Generation, Generations};
use crate::owner;

/// Where partitions stand.
type Stands = BTreeMap<PartitionId, Position>;

/// How often whoever waits for a rebuild asks the store: it may be going on elsewhere.
const LOOK_AFTER: Duration = Duration::from_millis(250);

impl Shared {
    /// Starts a rebuild in the background.
    pub(crate) fn rebuild(self: &Arc<Self>, stop: &Stop) -> Result<RebuildHandle, RebuildError> {
        let projection = self.definition.name.clone();
        if let Some(why) = self.definition.lacks_history() {
            return Err(RebuildError::Refused { projection, why });
        }
        let (slot, watching) = self.take_slot()?;
        let (cancel, cancelled) = watch::channel(false);
        let (shared, stop) = (self.clone(), stop.or(cancelled));
        let name = projection.clone();
        let task = tokio::spawn(async move {
            let progress = &slot.progress;
            match shared.build(progress, &stop).await {
                Ok(true) => Ok(progress.borrow().clone()),
                Ok(false) => {
                    let events = progress.borrow().events;
                    Err(RebuildError::Cancelled { projection: name, events })
                }
                Err(error) => {
                    tracing::error!(projection = &*name, %error, "the rebuild failed");
                    Err(RebuildError::Projection(error))
                }
            }
        });
        self.rebuild_is(task.abort_handle());
        Ok(RebuildHandle { progress: watching, cancel, task, projection })
    }

    /// Begins, and waits for the end: `false` when it was time to stop.
    async fn build(
        self: &Arc<Self>,
        progress: &watch::Sender<Progress>,
        stop: &Stop,
    ) -> Result<bool, ProjectionError> {
        let generation = self.begin_generation().await?;
        let mut stored = self.stands(&generation).await?;
        let from = stored.values().min().copied().unwrap_or_default();
        let dense = self.log().capabilities().dense;
        let way = Way { begun: Instant::now(), from, dense };
        self.wake();
        let (mut building, mut switches) = (self.building.subscribe(), self.switches());
        let mut head = self.log().head().await?;
        let mut look_at = Instant::now() + LOOK_AFTER;
        let mut counts = Counts::default();
        loop {
            if look_at <= Instant::now() {
                look_at = Instant::now() + LOOK_AFTER;
                let record = self.record().await?;
                if record.building.as_ref() != Some(&generation) {
                    if let Some(active) = record.active.filter(|a| a.number >= generation.number) {
                        self.announce_switch(active);
                        break;
                    }
                    let projection = self.definition.name.clone();
                    return Err(ProjectionError::Moved { projection });
                }
                stored = self.stands(&generation).await?;
                head = self.log().head().await?;
            }
            if self.active().is_some_and(|active| active.number >= generation.number) {
                break;
            }
            let now = building.borrow_and_update().clone();
            counts = now.counts;
            if let Some(error) = now.failed {
                self.let_be(&generation).await?;
                return Err(error);
            }
            let at = least(&stored, &now.parts).max(from);
            let waiting_for = now.waiting_for;
            if at > from || waiting_for.is_some() {
                let got = Progress::new(way, at, head, now.counts);
                progress.send_replace(Progress { waiting_for, ..got });
            }
            if stop.is_set() {
                self.let_be(&generation).await?;
                let at = self.stands(&generation).await?.into_values().min().unwrap_or(at);
                progress.send_replace(Progress::new(way, at, head, now.counts));
                return Ok(false);
            }
            tokio::select! {
                biased;
                () = stop.wait() => {}
                _ = switches.changed() => {}
                _ = building.changed() => {}
                () = tokio::time::sleep_until(look_at) => {}
            }
        }
        let at = self.position().max(head);
        progress.send_replace(Progress {
            done: true,
            time_left: Some(Duration::ZERO),
            ..Progress::new(way, at, head, counts)
        });
        Ok(true)
    }

    async fn stands(&self, generation: &Generation) -> Result<Stands, ProjectionError> {
        let name = &self.definition.name;
        Ok(ops::positions(&**self.work(), name, generation.number).await?)
    }

    /// Leaves what is built as it is, until somebody goes on with it. A new version goes on by itself.
    async fn let_be(&self, generation: &Generation) -> Result<(), ProjectionError> {
        let by_hand = self.active().is_some_and(|active| active.version == self.definition.version);
        if !by_hand || self.stop().is_set() {
            return Ok(());
        }
        self.hold(generation.number).await?;
        self.building.send_replace(Building::default());
        Ok(())
    }

    /// Has nobody work on a generation until told otherwise.
    pub(crate) async fn hold(&self, number: u64) -> Result<(), ProjectionError> {
        let name = self.definition.name.clone();
        let held = self.work().transact_with(move |transaction| {
            let name = name.clone();
            Box::pin(async move { hold(transaction, (&name, number), true).await })
        });
        held.await?;
        self.wake();
        Ok(())
    }

    /// Finds the generation that is being built, or begins one.
    pub(crate) async fn begin_generation(&self) -> Result<Generation, ProjectionError> {
        let definition = self.definition.clone();
        let begun = self.work().transact_with(move |transaction| {
            let definition = definition.clone();
            Box::pin(async move {
                begin(transaction, &definition).await.map_err(ProjectionError::refuse)
            })
        });
        let generation = begun.await?;
        self.building.send_replace(Building::default());
        Ok(generation)
    }
}

/// How far the partition is that is furthest behind: as the store says of those of others, and as this
/// process knows of its own.
fn least(stored: &Stands, own: &Stands) -> Position {
    let at = |(part, at): (&PartitionId, &Position)| own.get(part).copied().max(Some(*at));
    stored.iter().filter_map(at).min().unwrap_or_default()
}

async fn begin(
    transaction: &mut dyn Transaction,
    definition: &Definition,
) -> Result<Generation, ProjectionError> {
    let Definition { name, version, tables, .. } = definition;
    let mut record = Generations::take(transaction, name).await?;
    record.may_rebuild(definition)?;
    owner::claim(transaction, name, tables).await?;
    record.rolled_back = None;
    if let Some(building) = record.building.take() {
        let parts = stands(transaction, name, building.number).await?;
        let fits = building.version == *version && building.fits(definition).is_ok();
        if fits {
            building.fits_appends(definition, &parts)?;
        }
        if fits && !parts.is_empty() && parts.iter().all(|(_, at)| at.is_some()) {
            for (_, real) in building.real(tables) {
                // Its indexes may have changed since.
                transaction.create_table(&real).await?;
            }
            hold(transaction, (name, building.number), false).await?;
            return Ok(building);
        }
        building.discard(transaction, name).await?;
    }
    let generation = record.begin(transaction, definition).await?;
    record.building = Some(generation.clone());
    record.write(transaction, name).await?;
    Ok(generation)
}
