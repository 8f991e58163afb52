//! Projections that a store knows and a program does not: what was left behind by one that was
//! taken out, or what another program keeps.

use std::collections::HashSet;

use annals_consumers::forget;
use annals_core::store::{TransactExt, Transaction, Workspace};

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
    store: &dyn Workspace,
    known: &HashSet<&str>,
) -> Result<Vec<Orphan>, ProjectionError> {
    let names = parse_names(store.state(NAMES).await?.as_deref())?;
    let mut orphans = Vec::new();
    for projection in names.into_iter().filter(|name| !known.contains(name.as_str())) {
        let text = store.state(&Generations::key(&projection)).await?;
        let active = Generations::parse(text.as_deref(), &projection)?.active;
        let version = active.as_ref().map(|active| active.version);
        let tables = active.iter().flat_map(|active| active.shown_as().map(str::to_owned));
        orphans.push(Orphan { version, tables: tables.collect(), projection });
    }
    Ok(orphans)
}

/// Removes everything that the store has of a projection.
pub(crate) async fn drop_orphan(
    work: &dyn Workspace,
    projection: String,
) -> Result<(), ProjectionError> {
    let dropped = work.transact_with(move |transaction| {
        let projection = projection.clone();
        Box::pin(async move {
            drop_all(transaction, &projection).await.map_err(ProjectionError::refuse)
        })
    });
    Ok(dropped.await?)
}

async fn drop_all(
    transaction: &mut dyn Transaction,
    projection: &str,
) -> Result<(), ProjectionError> {
    let mut generations = Generations::take(transaction, projection).await?;
    let Generations { active, building, previous, .. } = &mut generations;
    for generation in [active.take(), building.take(), previous.take()].into_iter().flatten() {
        for table in generation.shown_as() {
            if TableRecord::give_up(transaction, projection, table).await? {
                transaction.drop_view(table).await?;
            }
        }
        generation.discard(transaction, projection).await?;
    }
    generations.write(transaction, projection).await?;
    forget(transaction, projection).await?;
    forget_name(transaction, projection).await
}
