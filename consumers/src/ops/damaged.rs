//! What somebody has damaged of what the engine keeps.

use annals_core::store::{StoreError, Workspace};
use annals_core::table::{MAX_ROWS, RowQuery};
use serde::Serialize;

use crate::records::{
    ConsumerRecord, InboxRecord, MemberRecord, ParkedItem, ParkedKey, PartitionRecord, Record,
    RequestRecord, TimerRecord, read,
};

/// How many rows of a table are looked at.
const LOOKED_AT: u64 = 100_000;

/// A row that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DamagedRow {
    /// The table.
    pub table: String,
    /// The columns of its key, as far as they can be read.
    pub key: Vec<String>,
    /// Which column is damaged.
    pub why: String,
}

/// The rows of the engine's own tables that cannot be read, among the first 100,000 of each. Whatever does
/// not depend on one of them goes on without it.
///
/// # Errors
/// [`StoreError`] when the store cannot be read.
pub async fn damaged(work: &dyn Workspace) -> Result<Vec<DamagedRow>, StoreError> {
    let mut found = Vec::new();
    look::<ConsumerRecord>(work, &mut found).await?;
    look::<MemberRecord>(work, &mut found).await?;
    look::<PartitionRecord>(work, &mut found).await?;
    look::<ParkedKey>(work, &mut found).await?;
    look::<ParkedItem>(work, &mut found).await?;
    look::<InboxRecord>(work, &mut found).await?;
    look::<TimerRecord>(work, &mut found).await?;
    look::<RequestRecord>(work, &mut found).await?;
    Ok(found)
}

async fn look<R: Record>(
    work: &dyn Workspace,
    found: &mut Vec<DamagedRow>,
) -> Result<(), StoreError> {
    let mut query = RowQuery::default();
    while query.offset < LOOKED_AT {
        let rows = work.query_rows(R::table(), &query).await?;
        let is_last = rows.len() < MAX_ROWS as usize;
        let damaged = rows.into_iter().filter_map(|row| read::<R>(row).err());
        found.extend(damaged.map(|row| DamagedRow {
            table: row.table.to_owned(),
            key: row.key.iter().map(ToString::to_string).collect(),
            why: row.why,
        }));
        if is_last {
            break;
        }
        query.offset += u64::from(MAX_ROWS);
    }
    Ok(())
}
