//! What waits behind a parked key.

use annals_core::Position;
use annals_core::store::{StoreError, Workspace};
use annals_core::table::{Comparison, Condition, Direction, RowQuery, Value};

use super::{Parked, of_consumer};
use crate::records::{ParkedItem, list};

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
    let equal = |column, value| Condition { column, comparison: Comparison::Equal, value };
    let conditions = vec![
        of_consumer(&parked.consumer),
        equal("generation", Value::Integer(parked.generation.cast_signed())),
        equal("key", Value::Text(parked.key.clone())),
    ];
    let order = vec![("position", Direction::Ascending)];
    let query = RowQuery { conditions, order, limit, ..RowQuery::default() };
    let items = list::<ParkedItem>(work, &query).await?;
    let read =
        |item: ParkedItem| Waiting { position: item.position, body: item.body.map(|body| body.0) };
    Ok(items.into_iter().map(read).collect())
}
