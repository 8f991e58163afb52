//! Making a projection's tables, or finding those that are there.

use annals_consumers::{ConsumerRecord, declare, stands, stands_readable};
use annals_core::store::{TransactExt, Transaction};

use super::definition::Definition;
use super::shared::Shared;
use crate::error::ProjectionError;
use crate::generations::{Generation, Generations};
use crate::owner;

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Setup {
    /// The active generation is of this program's version.
    Ready(Generation),
    /// It is of an older version: it serves until a new one has been built.
    NeedsRebuild(Generation),
    /// The same, and somebody has cancelled the building of the new one.
    Held(Generation),
}

impl Shared {
    /// What the store remembers of the projection.
    pub(crate) async fn record(&self) -> Result<Generations, ProjectionError> {
        let name = &self.definition.name;
        Generations::parse(self.work().state(&Generations::key(name)).await?.as_deref(), name)
    }

    /// Finds the active generation; makes the first one if there is none.
    pub(crate) async fn set_up(&self) -> Result<Setup, ProjectionError> {
        let definition = self.definition.clone();
        let setup = self.work().transact_with(move |transaction| {
            let definition = definition.clone();
            Box::pin(async move {
                find(&definition, transaction).await.map_err(ProjectionError::refuse)
            })
        });
        let setup = setup.await?;
        let (Setup::Ready(active) | Setup::NeedsRebuild(active) | Setup::Held(active)) = &setup;
        self.set_active(active.clone());
        Ok(setup)
    }
}

async fn find(
    definition: &Definition,
    transaction: &mut dyn Transaction,
) -> Result<Setup, ProjectionError> {
    let (projection, version) = (&definition.name, definition.version);
    let mut record = Generations::take(transaction, projection).await?;
    owner::take_over(transaction, projection, definition.formerly, &mut record).await?;
    if let Some(active) = &record.active
        && active.version > version
    {
        let (projection, active) = (projection.clone(), active.version);
        return Err(ProjectionError::Superseded { projection, active, own: version });
    }
    if let Some(from) = record.rolled_back
        && from >= version
        && record.active.as_ref().is_some_and(|active| active.version < version)
    {
        let (projection, active) = (projection.clone(), record.active.map_or(0, |a| a.version));
        return Err(ProjectionError::RolledBack { projection, active, own: version });
    }
    owner::claim(transaction, projection, &definition.tables).await?;
    let Some(active) = &record.active else {
        let first = record.begin(transaction, definition).await?;
        announce(transaction, definition, &first).await?;
        record.activate(transaction, projection, first.clone(), &definition.tables).await?;
        record.write(transaction, projection).await?;
        owner::remember_name(transaction, projection).await?;
        return Ok(Setup::Ready(first));
    };
    announce(transaction, definition, active).await?;
    if active.version < version {
        let building = record.building.as_ref().filter(|building| building.version == version);
        if let Some(building) = building {
            let parts = stands(transaction, projection, building.number).await?;
            if parts.iter().any(|(part, _)| part.is_held()) {
                return Ok(Setup::Held(active.clone()));
            }
        }
        return Ok(Setup::NeedsRebuild(active.clone()));
    }
    active.fits(definition)?;
    let (parts, _) = stands_readable(transaction, projection, active.number).await?;
    active.fits_appends(definition, &parts)?;
    for (part, position) in parts {
        if position.is_none() {
            let (projection, checkpoint) = (projection.clone(), part.id().checkpoint());
            return Err(ProjectionError::CheckpointLost { projection, checkpoint });
        }
    }
    for (_, real) in active.real(&definition.tables) {
        // Makes the indexes that were declared since, and removes those that no longer are.
        transaction.create_table(&real).await?;
    }
    Ok(Setup::Ready(active.clone()))
}

/// Says what the consumer is.
pub(super) async fn announce(
    transaction: &mut dyn Transaction,
    definition: &Definition,
    serving: &Generation,
) -> Result<(), ProjectionError> {
    let declared = ConsumerRecord {
        name: definition.name.to_string(),
        kind: definition.kind.to_owned(),
        version: definition.version,
        generation: serving.number,
        partitions: definition.parts,
        on_failure: definition.on_failure().as_str().to_owned(),
        paused: false,
        paused_by: None,
        origin: definition.inflow.as_ref().map(|inflow| inflow.origin()),
        // The store's clock says.
        changed_at: jiff::Timestamp::UNIX_EPOCH,
    };
    declare(transaction, declared).await?;
    Ok(())
}
