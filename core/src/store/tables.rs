//! Read models outside a transaction: queries, and the way into a transaction.

use async_trait::async_trait;

use super::{StoreError, TransactionWork};
use crate::table::{Row, RowKey, RowQuery, TableSpec};

/// Tables of read models.
///
/// # Contract
/// - A query sees one consistent state of its table: rows of one committed transaction, never of
///   half a one.
/// - The table's name may be that of a view made by
///   [`point_view`](super::Transaction::point_view).
/// - [`transact`](Self::transact) commits everything its work did, or nothing.
#[async_trait]
pub trait TableStore: Send + Sync {
    /// The rows with these keys, in any order; keys without a row are left out.
    ///
    /// # Errors
    /// [`StoreError`] when the table does not exist or the store cannot be read.
    async fn load_rows(&self, table: &TableSpec, keys: &[RowKey]) -> Result<Vec<Row>, StoreError>;

    /// The rows a query asks for, in its order.
    ///
    /// # Errors
    /// [`StoreError`] when the table does not exist or the store cannot be read.
    async fn query_rows(&self, table: &TableSpec, query: &RowQuery)
    -> Result<Vec<Row>, StoreError>;

    /// How many rows meet a query's conditions; its limit and offset do not count.
    ///
    /// # Errors
    /// As [`query_rows`](Self::query_rows).
    async fn count_rows(&self, table: &TableSpec, query: &RowQuery) -> Result<u64, StoreError>;

    /// The text that [`put_state`](super::Transaction::put_state) left under this key.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read.
    async fn state(&self, key: &str) -> Result<Option<String>, StoreError>;

    /// Runs work inside one transaction and commits it.
    ///
    /// # Errors
    /// What the work returned, [`StoreError::TransactionOver`] when it returned `Ok` although
    /// something in it had failed, or what the commit ran into; then nothing is changed, except that
    /// [`StoreError::OutcomeUnknown`] leaves it open.
    async fn transact(&self, work: Work) -> Result<(), StoreError>;
}

/// Work for one transaction.
pub type Work = Box<dyn TransactionWork>;
