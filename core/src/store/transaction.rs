//! What can be done inside one transaction of a store.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;

use super::{Lease, LogPage, LogQuery, StoreError, TableStore};
use crate::names::Position;
use crate::table::{Row, RowKey, TableSpec, Value};

pub use super::tables::Work;

/// An open transaction. It ends with the work that was given it: committed if that returns `Ok`,
/// rolled back otherwise.
///
/// # Contract
/// - Reads see the transaction's own writes.
/// - Nothing is visible outside before the commit, and everything at once after it.
/// - One failure ends it: after any method has returned an error, or was dropped before its end, all
///   others return [`StoreError::TransactionOver`] with that error, and the commit is refused in
///   the same way if the work returns `Ok`. Nothing of it is written. Databases differ in what they
///   forgive; stores do not, they hand their transaction out in a [`Strict`](super::Strict).
/// - The work may use tokio, and should wait for as little as it can but this transaction: others
///   wait for it, and a store gives up on it after a time.
/// - The work cannot append to the same store, execute a command or begin another transaction: that
///   is [`StoreError::Invalid`]. Whether it can read past the transaction is up to the store.
#[async_trait]
pub trait Transaction: Send {
    /// Reads a checkpoint. From here to the end of the transaction nobody else writes it: whoever
    /// reads it in a transaction of their own waits.
    ///
    /// # Errors
    /// As for every method: what the store runs into, which ends the transaction.
    async fn checkpoint(&mut self, name: &str) -> Result<Option<Position>, StoreError>;

    /// Writes a checkpoint.
    async fn set_checkpoint(&mut self, name: &str, position: Position) -> Result<(), StoreError>;

    /// Removes a checkpoint.
    async fn remove_checkpoint(&mut self, name: &str) -> Result<(), StoreError>;

    /// Refuses with [`StoreError::LeaseLost`] unless the lease is the newest of its name.
    async fn check_lease(&mut self, lease: &Lease) -> Result<(), StoreError>;

    /// Reads a text kept under a key.
    async fn state(&mut self, key: &str) -> Result<Option<String>, StoreError>;

    /// Keeps a text under a key.
    async fn put_state(&mut self, key: &str, text: &str) -> Result<(), StoreError>;

    /// Makes a table and its indexes, as far as they are missing, and removes the indexes that an
    /// earlier call made and that the table no longer has.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] names the table and the columns when rows that are there share the
    /// values of a unique index.
    async fn create_table(&mut self, table: &TableSpec) -> Result<(), StoreError>;

    /// Removes a table if it is there.
    async fn drop_table(&mut self, table: &str) -> Result<(), StoreError>;

    /// Makes `view` show what stands in `table`, in place of what it showed before.
    async fn point_view(&mut self, view: &str, table: &TableSpec) -> Result<(), StoreError>;

    /// Removes a view if it is there. A table that it shows can be dropped only after it.
    async fn drop_view(&mut self, view: &str) -> Result<(), StoreError>;

    /// The rows with these keys, in any order; keys without a row are left out.
    async fn load_rows(
        &mut self,
        table: &TableSpec,
        keys: &[RowKey],
    ) -> Result<Vec<Row>, StoreError>;

    /// Inserts or replaces rows by their keys.
    async fn upsert_rows(&mut self, table: &TableSpec, rows: &[Row]) -> Result<(), StoreError>;

    /// Removes the rows with these keys.
    async fn delete_rows(&mut self, table: &TableSpec, keys: &[RowKey]) -> Result<(), StoreError>;

    /// Reads the log, with this transaction's own appends.
    async fn read_log(&mut self, query: &LogQuery) -> Result<LogPage, StoreError>;

    /// Runs a statement of the user's own with `$1`, `$2`, … and returns how many rows it changed.
    ///
    /// # Errors
    /// [`StoreError::Unsupported`] where the store knows no SQL, [`StoreError::Invalid`] for one that
    /// would end the transaction, or what the database says; each ends the transaction, so that an
    /// `INSERT` that may fail is written with `ON CONFLICT`.
    async fn execute(&mut self, sql: &str, parameters: &[Value]) -> Result<u64, StoreError>;

    /// Runs a query of the user's own and returns its rows as text, numbers and nulls.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    async fn query(&mut self, sql: &str, parameters: &[Value]) -> Result<Vec<Row>, StoreError>;
}

/// Work to be done inside one transaction.
#[async_trait]
pub trait TransactionWork: Send {
    /// Does the work. A store may call it again from the start after a rollback of its own.
    async fn run(&mut self, transaction: &mut dyn Transaction) -> Result<(), StoreError>;
}

type WorkFuture<'t, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 't>>;

/// Closures as work.
pub trait TransactExt: TableStore {
    /// Runs a closure inside one transaction and returns its result after the commit.
    ///
    /// # Errors
    /// As [`TableStore::transact`].
    fn transact_with<T, F>(&self, work: F) -> impl Future<Output = Result<T, StoreError>> + Send
    where
        T: Send + 'static,
        F: for<'t> FnMut(&'t mut dyn Transaction) -> WorkFuture<'t, T> + Send + 'static,
    {
        let result = Arc::new(Mutex::new(None));
        let work = Box::new(Closure { work, result: result.clone() });
        async move {
            self.transact(work).await?;
            let mut result = result.lock().unwrap_or_else(PoisonError::into_inner);
            // A store that says Ok has run the work, and the work leaves its result.
            Ok(result.take().expect("a committed transaction has run its work"))
        }
    }
}

impl<S: TableStore + ?Sized> TransactExt for S {}

struct Closure<T, F> {
    work: F,
    result: Arc<Mutex<Option<T>>>,
}

#[async_trait]
impl<T, F> TransactionWork for Closure<T, F>
where
    T: Send + 'static,
    F: for<'t> FnMut(&'t mut dyn Transaction) -> WorkFuture<'t, T> + Send,
{
    async fn run(&mut self, transaction: &mut dyn Transaction) -> Result<(), StoreError> {
        let value = (self.work)(transaction).await?;
        *self.result.lock().unwrap_or_else(PoisonError::into_inner) = Some(value);
        Ok(())
    }
}
