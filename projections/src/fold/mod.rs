//! The two forms of a projection: a fold of rows in memory, and a handler with the transaction.

mod folding;
mod handler;
mod kept_rows;
mod keys;
mod projection;

pub use handler::{EventHandler, HandlerTables};
pub use keys::Keys;
pub use projection::Projection;

pub(crate) use folding::Folding;
pub(crate) use handler::Handling;

use annals_consumers::{Until, Wrote};
use annals_core::RecordedEvent;
use annals_core::store::{StoreError, Transaction, Workspace};
use annals_core::table::{KeyValues, Row, RowQuery, TableSpec};
use async_trait::async_trait;

use crate::error::ProjectionError;

/// Takes events in and writes what came of them, for tables of one generation.
#[async_trait]
pub(crate) trait Fold: Send {
    /// Takes events in, in order, looking up the rows it does not know yet.
    async fn take_in(
        &mut self,
        events: Vec<RecordedEvent>,
        rows: &mut dyn RowSource,
    ) -> Result<(), ProjectionError>;

    /// Begins to take the history of an id in from nothing, in place of the row that is there.
    fn begin_key(&mut self, id: &str) -> Result<(), String>;

    /// How much is waiting to be written: rows, or events where each is handled on its own.
    fn pending(&self) -> usize;

    /// Writes what is waiting, at least one event of it, until it is time to end the transaction.
    /// Everything stays as it is until [`written`](Self::written) or [`forget`](Self::forget).
    async fn write(
        &mut self,
        transaction: &mut dyn Transaction,
        until: &Until,
    ) -> Result<Wrote, ProjectionError>;

    /// All rows as they stand in memory, where they are all there; `None` where they are not known.
    fn rows(&self) -> Option<Vec<Row>>;

    /// The transaction was committed. Returns how many rows it has changed.
    fn written(&mut self) -> u64;

    /// The transaction failed, or somebody else wrote: nothing that is known holds any more.
    fn forget(&mut self);
}

/// Where rows come from: outside a transaction or inside one.
#[async_trait]
pub(crate) trait RowSource: Send {
    async fn load(&mut self, table: &TableSpec, keys: &[KeyValues])
    -> Result<Vec<Row>, StoreError>;

    async fn query(&mut self, table: &TableSpec, query: &RowQuery) -> Result<Vec<Row>, StoreError>;
}

pub(crate) struct StoreRows<'s>(pub(crate) &'s dyn Workspace);

#[async_trait]
impl RowSource for StoreRows<'_> {
    async fn load(
        &mut self,
        table: &TableSpec,
        keys: &[KeyValues],
    ) -> Result<Vec<Row>, StoreError> {
        self.0.load_rows(table, keys).await
    }

    async fn query(&mut self, table: &TableSpec, query: &RowQuery) -> Result<Vec<Row>, StoreError> {
        self.0.query_rows(table, query).await
    }
}

pub(crate) struct TransactionRows<'t>(pub(crate) &'t mut dyn Transaction);

#[async_trait]
impl RowSource for TransactionRows<'_> {
    async fn load(
        &mut self,
        table: &TableSpec,
        keys: &[KeyValues],
    ) -> Result<Vec<Row>, StoreError> {
        self.0.load_rows(table, keys).await
    }

    async fn query(&mut self, table: &TableSpec, query: &RowQuery) -> Result<Vec<Row>, StoreError> {
        self.0.query_rows(table, query).await
    }
}

/// No row exists before the first event.
pub(crate) struct Nowhere;

#[async_trait]
impl RowSource for Nowhere {
    async fn load(&mut self, _: &TableSpec, _: &[KeyValues]) -> Result<Vec<Row>, StoreError> {
        Ok(Vec::new())
    }

    async fn query(&mut self, _: &TableSpec, _: &RowQuery) -> Result<Vec<Row>, StoreError> {
        Ok(Vec::new())
    }
}
