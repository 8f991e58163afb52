//! Making a projection's tables, or finding those that are there.

use std::sync::{Arc, Mutex, PoisonError};

use annals_core::store::{StoreError, Transaction, TransactionWork};
use async_trait::async_trait;

use super::definition::Definition;
use super::shared::Shared;
use crate::error::ProjectionError;
use crate::generations::{Generation, Generations, shape};
use crate::owner;

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Setup {
    /// The active generation is of this program's version.
    Ready(Generation),
    /// It is of an older version: it serves until a new one has been built.
    NeedsRebuild,
}

impl Shared {
    /// Finds the active generation; makes the first one if there is none.
    pub(crate) async fn set_up(&self) -> Result<Setup, ProjectionError> {
        let result = Arc::default();
        let work = SetUp { definition: self.definition.clone(), result: Arc::clone(&result) };
        self.work().transact(Box::new(work)).await?;
        let found = result.lock().unwrap_or_else(PoisonError::into_inner).take();
        // A transaction that was committed has run its work to the end.
        let setup = found.ok_or(StoreError::Closed)?;
        if let Setup::Ready(generation) = &setup {
            self.set_active(generation.clone());
        }
        Ok(setup)
    }
}

struct SetUp {
    definition: Definition,
    result: Arc<Mutex<Option<Setup>>>,
}

#[async_trait]
impl TransactionWork for SetUp {
    async fn run(&mut self, transaction: &mut dyn Transaction) -> Result<(), StoreError> {
        let found = find(&self.definition, transaction).await.map_err(ProjectionError::refuse)?;
        *self.result.lock().unwrap_or_else(PoisonError::into_inner) = Some(found);
        Ok(())
    }
}

async fn find(
    definition: &Definition,
    transaction: &mut dyn Transaction,
) -> Result<Setup, ProjectionError> {
    let (projection, version) = (&*definition.name, definition.version);
    let mut generations = Generations::read(transaction, projection).await?;
    owner::take_over(transaction, projection, definition.formerly, &mut generations).await?;
    if let Some(active) = &generations.active
        && active.version > version
    {
        let (active, projection) = (active.version, projection.into());
        return Err(ProjectionError::Superseded { projection, active, own: version });
    }
    owner::claim(transaction, projection, &definition.tables).await?;
    let own_shape = shape(&definition.tables);
    let Some(active) = &generations.active else {
        let first = generations.begin(transaction, projection, version, &definition.tables).await?;
        generations.activate(transaction, projection, first.clone(), &definition.tables).await?;
        generations.write(transaction, projection).await?;
        owner::remember_name(transaction, projection).await?;
        return Ok(Setup::Ready(first));
    };
    if active.version < version {
        return Ok(Setup::NeedsRebuild);
    }
    if active.shape != own_shape {
        let table = definition.tables.first().map(|table| table.name.clone()).unwrap_or_default();
        let projection = projection.into();
        return Err(ProjectionError::ShapeChanged { projection, table, version });
    }
    for (_, real) in active.real(&definition.tables) {
        // Makes the indexes that were declared since, and removes those that no longer are.
        transaction.create_table(&real).await?;
    }
    Ok(Setup::Ready(active.clone()))
}
