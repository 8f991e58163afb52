//! Read models outside a transaction: queries.

use async_trait::async_trait;

use super::StoreError;
use crate::table::{KeyValues, Row, RowQuery, TableSpec};

/// Tables of read models, and those that the framework keeps for itself
/// ([`TableSpec::own`]).
///
/// # Contract
/// - A query sees one consistent state of its table: rows of one committed transaction, never of
///   half a one.
/// - The table's name may be that of a view made by
///   [`point_view`](super::TransactionTables::point_view).
#[async_trait]
pub trait TableStore: Send + Sync {
    /// The rows with these keys, in any order; keys without a row are left out.
    ///
    /// # Errors
    /// [`StoreError`] when the table does not exist or the store cannot be read.
    async fn load_rows(
        &self,
        table: &TableSpec,
        keys: &[KeyValues],
    ) -> Result<Vec<Row>, StoreError>;

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
}
