//! Whose a table is: one projection's, whichever program runs it. Two that kept the same table would
//! wipe out each other's rows.

use annals_consumers::rename;
use annals_core::store::Transaction;
use annals_core::table::TableSpec;
use serde::{Deserialize, Serialize};

use crate::error::ProjectionError;
use crate::generations::{Generation, Generations, table_shape, unreadable};

/// The key under which the names of all projections stand that the store knows.
pub(crate) const NAMES: &str = "projections";

/// Kept as JSON under the key `read_model/<table>`.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TableRecord {
    /// Whose it is; nobody's after it was given up.
    pub(crate) owner: Option<String>,
    /// What readers see under its name.
    pub(crate) shown: Option<Shown>,
    /// The last number of a generation that was given out for it.
    pub(crate) last: u64,
}

/// What stands behind a table's name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Shown {
    /// The generation.
    pub(crate) number: u64,
    /// The projection's version that fills it.
    pub(crate) version: u32,
    /// Its columns and key.
    pub(crate) shape: String,
}

impl TableRecord {
    pub(crate) fn key(table: &str) -> String {
        format!("read_model/{table}")
    }

    pub(crate) fn parse(text: Option<&str>, table: &str) -> Result<Self, ProjectionError> {
        let Some(text) = text else { return Ok(Self::default()) };
        serde_json::from_str(text).map_err(|error| unreadable(table, &error))
    }

    async fn read(transaction: &mut dyn Transaction, table: &str) -> Result<Self, ProjectionError> {
        let text = transaction.state(&Self::key(table)).await?;
        Self::parse(text.as_deref(), table)
    }

    async fn write(
        &self,
        transaction: &mut dyn Transaction,
        table: &str,
    ) -> Result<(), ProjectionError> {
        let text = serde_json::to_string(self).map_err(|error| unreadable(table, &error))?;
        Ok(transaction.put_state(&Self::key(table), &text).await?)
    }

    /// Notes which generation readers see.
    pub(crate) async fn show(
        transaction: &mut dyn Transaction,
        projection: &str,
        generation: &Generation,
        table: &TableSpec,
    ) -> Result<(), ProjectionError> {
        let mut record = Self::read(transaction, &table.name).await?;
        record.owner = Some(projection.to_owned());
        record.shown = Some(Shown {
            number: generation.number,
            version: generation.version,
            shape: table_shape(table),
        });
        record.write(transaction, &table.name).await
    }

    /// The table is nobody's any more; `false` if it was not this projection's.
    pub(crate) async fn give_up(
        transaction: &mut dyn Transaction,
        projection: &str,
        table: &str,
    ) -> Result<bool, ProjectionError> {
        let record = Self::read(transaction, table).await?;
        if record.owner.as_deref() != Some(projection) {
            return Ok(false);
        }
        Self { owner: None, shown: None, ..record }.write(transaction, table).await?;
        Ok(true)
    }
}

/// Makes tables a projection's own, unless they are another's.
pub(crate) async fn claim(
    transaction: &mut dyn Transaction,
    projection: &str,
    tables: &[TableSpec],
) -> Result<(), ProjectionError> {
    for name in names(tables) {
        let mut record = TableRecord::read(transaction, name).await?;
        match record.owner.take() {
            Some(owner) if owner == projection => {}
            Some(owner) => {
                let table = name.to_owned();
                let projection = projection.into();
                return Err(ProjectionError::Owned { projection, table, owner });
            }
            None => {
                record.owner = Some(projection.to_owned());
                record.write(transaction, name).await?;
            }
        }
    }
    Ok(())
}

/// A number that no generation of these tables has had.
pub(crate) async fn next_number(
    transaction: &mut dyn Transaction,
    tables: &[TableSpec],
    last: u64,
) -> Result<u64, ProjectionError> {
    let mut records = Vec::new();
    for name in names(tables) {
        records.push((name, TableRecord::read(transaction, name).await?));
    }
    let number = 1 + records.iter().map(|(_, record)| record.last).max().unwrap_or(0).max(last);
    for (name, mut record) in records {
        record.last = number;
        record.write(transaction, name).await?;
    }
    Ok(number)
}

/// In one order, so that two programs that need the same locks wait for each other and no more.
fn names(tables: &[TableSpec]) -> Vec<&str> {
    let mut names: Vec<_> = tables.iter().map(|table| table.name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// Gives a projection that was renamed what it had under its old name: tables, checkpoint, owner's
/// right. Whoever still runs it under the old name is refused from now on.
pub(crate) async fn take_over(
    transaction: &mut dyn Transaction,
    projection: &str,
    formerly: &[&str],
    generations: &mut Generations,
) -> Result<(), ProjectionError> {
    for former in formerly {
        if generations.active.is_some() {
            return Ok(());
        }
        let mut old = Generations::take(transaction, former).await?;
        let Some(active) = old.active.take() else { continue };
        for building in [old.building.take(), old.previous.take()].into_iter().flatten() {
            building.discard(transaction, former).await?;
        }
        rename(transaction, (former, projection), active.number).await?;
        let mut tables: Vec<_> = active.shown_as().map(str::to_owned).collect();
        tables.sort_unstable();
        for table in tables {
            let mut owned = TableRecord::read(transaction, &table).await?;
            owned.owner = Some(projection.to_owned());
            owned.write(transaction, &table).await?;
        }
        generations.last = generations.last.max(old.last);
        generations.active = Some(active);
        old.write(transaction, former).await?;
        generations.write(transaction, projection).await?;
        forget_name(transaction, former).await?;
        remember_name(transaction, projection).await?;
    }
    Ok(())
}

pub(crate) fn parse_names(text: Option<&str>) -> Result<Vec<String>, ProjectionError> {
    let Some(text) = text else { return Ok(Vec::new()) };
    serde_json::from_str(text).map_err(|error| unreadable(NAMES, &error))
}

/// Adds a projection to those that the store knows.
pub(crate) async fn remember_name(
    transaction: &mut dyn Transaction,
    projection: &str,
) -> Result<(), ProjectionError> {
    change_names(transaction, |names| {
        if !names.iter().any(|name| name == projection) {
            names.push(projection.to_owned());
            names.sort_unstable();
        }
    })
    .await
}

/// Takes it away again.
pub(crate) async fn forget_name(
    transaction: &mut dyn Transaction,
    projection: &str,
) -> Result<(), ProjectionError> {
    change_names(transaction, |names| names.retain(|name| name != projection)).await
}

async fn change_names(
    transaction: &mut dyn Transaction,
    change: impl FnOnce(&mut Vec<String>) + Send,
) -> Result<(), ProjectionError> {
    let mut names = parse_names(transaction.state(NAMES).await?.as_deref())?;
    change(&mut names);
    let text = serde_json::to_string(&names).map_err(|error| unreadable(NAMES, &error))?;
    Ok(transaction.put_state(NAMES, &text).await?)
}
