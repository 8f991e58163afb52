//! What waits behind a parked key.

use std::collections::BTreeSet;

use annals_core::Position;
use annals_core::store::{StoreError, Workspace};
use annals_core::table::{Direction, MAX_ROWS, RowQuery};

use super::Parked;
use crate::records::{ParkedItem, list, of_key, survey};

/// An event that waits behind a parked key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// Its position in the log.
    pub position: Position,
    /// The message, where it cannot be read again from the log.
    pub body: Option<String>,
}

/// The first events that wait behind a parked key, in order.
///
/// # Errors
/// [`StoreError`] when the store cannot be read.
pub async fn waiting(
    work: &dyn Workspace,
    parked: &Parked,
    limit: u32,
) -> Result<Vec<Waiting>, StoreError> {
    let conditions = of_key(&parked.consumer, parked.generation, &parked.key);
    let order = vec![("position", Direction::Ascending)];
    let query = RowQuery { conditions, order, limit, ..RowQuery::default() };
    let items = list::<ParkedItem>(work, &query).await?;
    let read =
        |item: ParkedItem| Waiting { position: item.position, body: item.body.map(|body| body.0) };
    Ok(items.into_iter().map(read).collect())
}

/// Where the events stand in the log that wait behind a key of a generation of a consumer, all of them.
///
/// # Errors
/// [`StoreError`] when the store cannot be read.
pub async fn positions_waiting(
    work: &dyn Workspace,
    (consumer, generation): (&str, u64),
    key: &str,
) -> Result<BTreeSet<Position>, StoreError> {
    let conditions = of_key(consumer, generation, key);
    let mut query = RowQuery { conditions, limit: MAX_ROWS, ..RowQuery::default() };
    let mut positions = BTreeSet::new();
    loop {
        let (items, damaged) = survey::<ParkedItem>(work, &query).await?;
        // A page is no shorter for a row that is left out.
        let last = items.len() + damaged.len() < MAX_ROWS as usize;
        positions.extend(items.into_iter().map(|item| item.position));
        if last {
            return Ok(positions);
        }
        query.offset += u64::from(MAX_ROWS);
    }
}
