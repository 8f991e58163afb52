//! Making a projection's tables, or finding those that are there.

use std::sync::{Arc, Mutex, PoisonError};

use annals_core::store::{StoreError, Transaction, TransactionWork};
use async_trait::async_trait;

use super::definition::Definition;
use super::shared::Shared;
use crate::error::ProjectionError;
use crate::record::{Generation, Record, shape};

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
        self.store().transact(Box::new(work)).await?;
        let found = result.lock().unwrap_or_else(PoisonError::into_inner).take();
        // A transaction that was committed has run its work to the end.
        let (setup, shape_fits) = found.ok_or(StoreError::Closed)?;
        self.set_shape_fits(shape_fits);
        Ok(setup)
    }
}

struct SetUp {
    definition: Definition,
    result: Arc<Mutex<Option<(Setup, bool)>>>,
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
) -> Result<(Setup, bool), ProjectionError> {
    let (projection, version) = (definition.name, definition.version);
    let mut record = Record::read(transaction, projection).await?;
    let own_shape = shape(&definition.tables);
    let Some(active) = record.active.clone() else {
        let first = record.begin(transaction, projection, version, &definition.tables).await?;
        for (table, real) in first.real(&definition.tables) {
            transaction.point_view(&table.name, &real).await?;
        }
        record.active = Some(first.clone());
        record.write(transaction, projection).await?;
        return Ok((Setup::Ready(first), true));
    };
    let fits = active.shape == own_shape;
    if active.version > version {
        return Err(ProjectionError::Superseded {
            projection,
            active: active.version,
            own: version,
        });
    }
    if active.version < version {
        return Ok((Setup::NeedsRebuild, fits));
    }
    if !fits {
        let table = definition.tables.first().map(|table| table.name.clone()).unwrap_or_default();
        return Err(ProjectionError::ShapeChanged { projection, table, version });
    }
    for (_, real) in active.real(&definition.tables) {
        // Adds the indexes that were declared since.
        transaction.create_table(&real).await?;
    }
    Ok((Setup::Ready(active), true))
}
