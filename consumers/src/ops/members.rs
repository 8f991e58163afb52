//! The processes that run consumers.

use std::collections::BTreeMap;

use annals_core::store::{StoreError, Workspace};
use annals_core::table::RowQuery;
use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use crate::records::{MemberRecord, list};

/// A process that runs consumers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Member {
    /// Its id, fresh for every start.
    pub id: Uuid,
    /// What people call it.
    pub label: String,
    /// Whether it was heard of in time.
    pub alive: bool,
    /// Whether it is stopping.
    pub stopping: bool,
    /// Its consumers and their versions.
    pub consumers: BTreeMap<String, u32>,
    /// When it started.
    pub started_at: Timestamp,
    /// When it was heard of last, by the store's clock.
    pub seen_at: Timestamp,
    /// When it counts as dead unless it is heard of again.
    pub expires_at: Timestamp,
}

/// The processes that run consumers.
///
/// # Errors
/// [`StoreError`] when the store cannot be read.
pub async fn members(work: &dyn Workspace) -> Result<Vec<Member>, StoreError> {
    let now = work.now().await?;
    let records = list::<MemberRecord>(work, &RowQuery::default()).await?;
    let read = |record: MemberRecord| Member {
        alive: record.expires_at > now,
        consumers: serde_json::from_str(&record.consumers.0).unwrap_or_default(),
        id: record.id,
        label: record.label,
        stopping: record.stopping,
        started_at: record.started_at,
        seen_at: record.seen_at,
        expires_at: record.expires_at,
    };
    Ok(records.into_iter().map(read).collect())
}
