//! Asking a read model: by key, or by filter, order and page.

use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use annals_core::Position;
use annals_core::store::Store;
use annals_core::table::{MAX_ROWS, RowQuery};

use super::{Filter, Order, ReadModel};
use crate::error::ReadError;
use crate::run::Gate;

/// How long a query waits for its read model to reach a position, unless told otherwise.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(5);

/// A query that is being put together.
#[must_use = "a query does nothing until `get`, `list`, `first` or `count` is awaited"]
pub struct Query<M> {
    store: Arc<dyn Store>,
    gate: Option<Gate>,
    rows: RowQuery,
    after: Position,
    timeout: Duration,
    marker: PhantomData<fn() -> M>,
}

impl<M: ReadModel> Query<M> {
    pub(crate) fn new(store: Arc<dyn Store>, gate: Option<Gate>) -> Self {
        Self {
            store,
            gate,
            rows: RowQuery::default(),
            after: Position::START,
            timeout: DEFAULT_TIMEOUT,
            marker: PhantomData,
        }
    }

    /// Waits until the read model has taken in everything up to a position, such as that of a
    /// receipt: a caller reads its own writes.
    pub fn after(mut self, position: Position) -> Self {
        self.after = self.after.max(position);
        self
    }

    /// How long [`after`](Self::after) waits at the most. Default 5 s.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Only rows that meet a condition; several must all hold.
    pub fn filter(mut self, filter: Filter<M>) -> Self {
        self.rows.conditions.push(filter.condition);
        self
    }

    /// Sorts; further orders break ties, the key breaks the last.
    pub fn order_by(mut self, order: Order<M>) -> Self {
        self.rows.order.push((order.column, order.direction));
        self
    }

    /// At most so many rows, up to 10,000, which is also the default.
    pub fn limit(mut self, rows: u32) -> Self {
        self.rows.limit = rows.min(MAX_ROWS);
        self
    }

    /// Page `number`, from 0, of `size` rows each.
    pub fn page(mut self, number: u64, size: u32) -> Self {
        self.rows.limit = size.min(MAX_ROWS);
        self.rows.offset = number.saturating_mul(u64::from(self.rows.limit));
        self
    }

    /// The row with this key.
    ///
    /// # Errors
    /// [`ReadError`]
    pub async fn get(self, key: &M::Key) -> Result<Option<M>, ReadError> {
        self.ready().await?;
        let rows = self.store.load_rows(M::table(), &[M::key_values(key)]).await?;
        Ok(rows.into_iter().next().map(M::from_row).transpose()?)
    }

    /// The rows.
    ///
    /// # Errors
    /// [`ReadError`]
    pub async fn list(self) -> Result<Vec<M>, ReadError> {
        self.ready().await?;
        let rows = self.store.query_rows(M::table(), &self.rows).await?;
        Ok(rows.into_iter().map(M::from_row).collect::<Result<_, _>>()?)
    }

    /// The first row.
    ///
    /// # Errors
    /// [`ReadError`]
    pub async fn first(self) -> Result<Option<M>, ReadError> {
        Ok(self.limit(1).list().await?.into_iter().next())
    }

    /// How many rows meet the conditions.
    ///
    /// # Errors
    /// [`ReadError`]
    pub async fn count(self) -> Result<u64, ReadError> {
        self.ready().await?;
        Ok(self.store.count_rows(M::table(), &self.rows).await?)
    }

    async fn ready(&self) -> Result<(), ReadError> {
        match &self.gate {
            Some(gate) => gate.ready(self.after, self.timeout).await,
            None if self.after > Position::START => {
                Err(ReadError::NotProjected { table: M::table().name.clone() })
            }
            None => Ok(()),
        }
    }
}
