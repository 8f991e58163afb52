//! One failure ends a transaction, in every store alike.

use async_trait::async_trait;

use super::{Lease, LogPage, LogQuery, StoreError, Transaction};
use crate::names::Position;
use crate::table::{Row, RowKey, TableSpec, Value};

/// A transaction that one failure ends: whatever is asked of it later is refused with
/// [`StoreError::TransactionOver`], and so is its commit. For authors of stores: work gets its
/// transaction in this, so that it cannot ignore what a database does not forgive, and means the same
/// on those that would.
#[derive(Debug)]
pub struct Strict<T> {
    transaction: T,
    /// A step has begun and nobody has heard its end.
    under_way: bool,
    failed: Option<StoreError>,
}

/// Whoever asked for a step did not wait for its end.
#[derive(Debug, thiserror::Error)]
#[error("one of its steps was dropped before it ended")]
struct Dropped;

impl<T: Transaction> Strict<T> {
    /// A transaction in which nothing has failed yet.
    pub fn new(transaction: T) -> Self {
        Self { transaction, under_way: false, failed: None }
    }

    /// The transaction itself, for what its store does with it. A failure there is for the caller
    /// to pass on.
    pub fn inner(&mut self) -> &mut T {
        &mut self.transaction
    }

    /// The transaction, to be committed.
    ///
    /// # Errors
    /// [`StoreError::TransactionOver`] when a step of it has failed.
    pub fn finish(mut self) -> Result<T, StoreError> {
        self.go_on()?;
        Ok(self.transaction)
    }

    fn go_on(&mut self) -> Result<&mut T, StoreError> {
        if self.under_way {
            self.failed.get_or_insert_with(|| StoreError::refused(Dropped));
        }
        if let Some(first) = &self.failed {
            return Err(StoreError::TransactionOver { first: Box::new(first.clone()) });
        }
        self.under_way = true;
        Ok(&mut self.transaction)
    }

    fn note<R>(&mut self, outcome: Result<R, StoreError>) -> Result<R, StoreError> {
        self.under_way = false;
        outcome.inspect_err(|error| self.failed = Some(error.clone()))
    }
}

#[async_trait]
impl<T: Transaction> Transaction for Strict<T> {
    async fn checkpoint(&mut self, name: &str) -> Result<Option<Position>, StoreError> {
        let outcome = self.go_on()?.checkpoint(name).await;
        self.note(outcome)
    }

    async fn set_checkpoint(&mut self, name: &str, position: Position) -> Result<(), StoreError> {
        let outcome = self.go_on()?.set_checkpoint(name, position).await;
        self.note(outcome)
    }

    async fn remove_checkpoint(&mut self, name: &str) -> Result<(), StoreError> {
        let outcome = self.go_on()?.remove_checkpoint(name).await;
        self.note(outcome)
    }

    async fn check_lease(&mut self, lease: &Lease) -> Result<(), StoreError> {
        let outcome = self.go_on()?.check_lease(lease).await;
        self.note(outcome)
    }

    async fn state(&mut self, key: &str) -> Result<Option<String>, StoreError> {
        let outcome = self.go_on()?.state(key).await;
        self.note(outcome)
    }

    async fn put_state(&mut self, key: &str, text: &str) -> Result<(), StoreError> {
        let outcome = self.go_on()?.put_state(key, text).await;
        self.note(outcome)
    }

    async fn create_table(&mut self, table: &TableSpec) -> Result<(), StoreError> {
        let outcome = self.go_on()?.create_table(table).await;
        self.note(outcome)
    }

    async fn drop_table(&mut self, table: &str) -> Result<(), StoreError> {
        let outcome = self.go_on()?.drop_table(table).await;
        self.note(outcome)
    }

    async fn point_view(&mut self, view: &str, table: &TableSpec) -> Result<(), StoreError> {
        let outcome = self.go_on()?.point_view(view, table).await;
        self.note(outcome)
    }

    async fn drop_view(&mut self, view: &str) -> Result<(), StoreError> {
        let outcome = self.go_on()?.drop_view(view).await;
        self.note(outcome)
    }

    async fn load_rows(
        &mut self,
        table: &TableSpec,
        keys: &[RowKey],
    ) -> Result<Vec<Row>, StoreError> {
        let transaction = self.go_on()?;
        let outcome = match table.check_keys(keys) {
            Ok(()) => transaction.load_rows(table, keys).await,
            Err(invalid) => Err(invalid.into()),
        };
        self.note(outcome)
    }

    async fn upsert_rows(&mut self, table: &TableSpec, rows: &[Row]) -> Result<(), StoreError> {
        let transaction = self.go_on()?;
        let outcome = match table.kept_rows(rows) {
            Ok(rows) => transaction.upsert_rows(table, &rows).await,
            Err(invalid) => Err(invalid.into()),
        };
        self.note(outcome)
    }

    async fn delete_rows(&mut self, table: &TableSpec, keys: &[RowKey]) -> Result<(), StoreError> {
        let transaction = self.go_on()?;
        let outcome = match table.check_keys(keys) {
            Ok(()) => transaction.delete_rows(table, keys).await,
            Err(invalid) => Err(invalid.into()),
        };
        self.note(outcome)
    }

    async fn read_log(&mut self, query: &LogQuery) -> Result<LogPage, StoreError> {
        let outcome = self.go_on()?.read_log(query).await;
        self.note(outcome)
    }

    async fn execute(&mut self, sql: &str, parameters: &[Value]) -> Result<u64, StoreError> {
        let transaction = self.go_on()?;
        let outcome = match check_parameters(parameters) {
            Ok(()) => transaction.execute(sql, parameters).await,
            Err(invalid) => Err(invalid),
        };
        self.note(outcome)
    }

    async fn query(&mut self, sql: &str, parameters: &[Value]) -> Result<Vec<Row>, StoreError> {
        let transaction = self.go_on()?;
        let outcome = match check_parameters(parameters) {
            Ok(()) => transaction.query(sql, parameters).await,
            Err(invalid) => Err(invalid),
        };
        self.note(outcome)
    }
}

fn check_parameters(parameters: &[Value]) -> Result<(), StoreError> {
    let mut mistakes =
        parameters.iter().zip(1..).filter_map(|(value, n)| Some((n, value.mistake()?)));
    let refuse = |(n, mistake)| StoreError::Invalid { why: format!("parameter `${n}`: {mistake}") };
    mistakes.next().map_or(Ok(()), |mistake| Err(refuse(mistake)))
}
