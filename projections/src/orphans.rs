//! Projections that a store knows and a program does not: what was left behind by one that was
//! taken out, or what another program keeps.

use std::collections::HashSet;
use std::sync::Arc;

use annals_core::store::{StoreError, Transaction, TransactionWork, Workspace};
use async_trait::async_trait;

use crate::error::ProjectionError;
use crate::generations::Generations;
use crate::owner::{NAMES, TableRecord, forget_name, parse_names};

/// A projection that the store knows and this program does not run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Orphan {
    /// Its name.
    pub projection: String,
    /// The version whose rows are shown, if any are.
    pub version: Option<u32>,
    /// The tables that are read under these names.
    pub tables: Vec<String>,
}

pub(crate) async fn orphans(
    work: &dyn Workspace,
    known: &HashSet<&str>,
) -> Result<Vec<Orphan>, ProjectionError> {
    let names = parse_names(work.state(NAMES).await?.as_deref())?;
    let mut orphans = Vec::new();
    for projection in names.into_iter().filter(|name| !known.contains(name.as_str())) {
        let text = work.state(&Generations::key(&projection)).await?;
        let active = Generations::parse(text.as_deref(), &projection)?.active;
        let version = active.as_ref().map(|active| active.version);
        let tables = active.iter().flat_map(|active| active.shown_as().map(str::to_owned));
        orphans.push(Orphan { version, tables: tables.collect(), projection });
    }
    Ok(orphans)
}

/// Removes everything that the store has of a projection.
pub(crate) async fn drop_orphan(
    work: &Arc<dyn Workspace>,
    projection: String,
) -> Result<(), ProjectionError> {
    Ok(work.transact(Box::new(Drop { projection })).await?)
}

struct Drop {
    projection: String,
}

impl Drop {
    async fn drop(&self, transaction: &mut dyn Transaction) -> Result<(), ProjectionError> {
        let projection = &self.projection;
        let mut generations = Generations::read(transaction, projection).await?;
        for generation in
            [generations.active.take(), generations.building.take()].into_iter().flatten()
        {
            for table in generation.shown_as() {
                if TableRecord::give_up(transaction, projection, table).await? {
                    transaction.drop_view(table).await?;
                }
            }
            generation.discard(transaction, projection).await?;
        }
        generations.write(transaction, projection).await?;
        forget_name(transaction, projection).await
    }
}

#[async_trait]
impl TransactionWork for Drop {
    async fn run(&mut self, transaction: &mut dyn Transaction) -> Result<(), StoreError> {
        self.drop(transaction).await.map_err(ProjectionError::refuse)
    }
}
