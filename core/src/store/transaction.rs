//! What can be done inside one transaction, by concern.

use async_trait::async_trait;
use jiff::Timestamp;

use super::{Advance, Append, Appended, Fence, LogPage, LogQuery, StoreError};
use crate::names::Position;
use crate::table::{KeyValues, Row, RowQuery, TableSpec, Value};

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
/// - An [append](TransactionLog::append) comes last: what is asked after it is refused, so that the
///   log is locked for the append and the commit only.
/// - The work may use tokio, and should wait for as little as it can but this transaction: others
///   wait for it, and a store gives up on it after a time.
/// - The work cannot append to the same store past the transaction, execute a command or begin
///   another transaction: that is [`StoreError::Invalid`]. Whether it can read past the transaction
///   is up to the store.
pub trait Transaction:
    TransactionCheckpoints + TransactionState + TransactionTables + TransactionSql + TransactionLog
{
}

impl<T> Transaction for T where
    T: TransactionCheckpoints
        + TransactionState
        + TransactionTables
        + TransactionSql
        + TransactionLog
        + ?Sized
{
}

/// Checkpoints and their fences.
#[async_trait]
pub trait TransactionCheckpoints: Send {
    /// Reads a checkpoint and locks it: from here to the end of the transaction nobody else writes
    /// or advances it, and whoever reads it in a transaction of their own waits.
    ///
    /// # Errors
    /// As for every method: what the store runs into, which ends the transaction.
    async fn checkpoint(&mut self, name: &str) -> Result<Option<Position>, StoreError>;

    /// Writes a checkpoint, whoever has it. Its token stays.
    async fn set_checkpoint(&mut self, name: &str, position: Position) -> Result<(), StoreError>;

    /// Removes a checkpoint and forgets its tokens: a name is not used again for something else.
    async fn remove_checkpoint(&mut self, name: &str) -> Result<(), StoreError>;

    /// Takes a checkpoint over: it gets a new, larger token, and whoever advances it with an older
    /// one is refused. One that was never written begins at [`Position::START`].
    async fn fence_checkpoint(&mut self, name: &str) -> Result<Fence, StoreError>;

    /// Moves a checkpoint on if it stands where the step begins and has the step's token: fence,
    /// compare-and-set and cursor in one statement. A store may send it with the commit, which then
    /// returns the refusal.
    ///
    /// # Errors
    /// [`StoreError::Fenced`] when somebody else has moved or taken it; nothing is written.
    async fn advance_checkpoint(&mut self, step: &Advance) -> Result<(), StoreError>;
}

/// Texts under a key, and the time.
#[async_trait]
pub trait TransactionState: Send {
    /// Reads a text kept under a key and locks the key, also one that holds nothing: whoever reads
    /// it in a transaction of their own waits until this one ends.
    async fn state(&mut self, key: &str) -> Result<Option<String>, StoreError>;

    /// Keeps a text under a key.
    async fn put_state(&mut self, key: &str, text: &str) -> Result<(), StoreError>;

    /// The time now by the store's clock, which all processes on it share.
    async fn now(&mut self) -> Result<Timestamp, StoreError>;
}

/// Tables and their rows.
#[async_trait]
pub trait TransactionTables: Send {
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
        keys: &[KeyValues],
    ) -> Result<Vec<Row>, StoreError>;

    /// The rows a query asks for, in its order, with what this transaction has written.
    async fn query_rows(
        &mut self,
        table: &TableSpec,
        query: &RowQuery,
    ) -> Result<Vec<Row>, StoreError>;

    /// Inserts or replaces rows by their keys.
    async fn upsert_rows(&mut self, table: &TableSpec, rows: &[Row]) -> Result<(), StoreError>;

    /// Inserts or replaces rows in their turn without waiting for the answer: they are there for what is
    /// asked next.
    ///
    /// # Errors
    /// As for every method, but a failure may be told by what is asked next, or by the commit.
    async fn enqueue_rows(&mut self, table: &TableSpec, rows: &[Row]) -> Result<(), StoreError>;

    /// Inserts rows, and replaces those that are there with a smaller number in the integer column
    /// `column`; returns how many it has written. One that is less than the number of rows says that
    /// somebody was there before, also somebody whose transaction ended a moment ago. The rows have
    /// different keys.
    async fn raise_rows(
        &mut self,
        table: &TableSpec,
        rows: &[Row],
        column: &str,
    ) -> Result<u64, StoreError>;

    /// Removes the rows with these keys.
    async fn delete_rows(
        &mut self,
        table: &TableSpec,
        keys: &[KeyValues],
    ) -> Result<(), StoreError>;
}

/// SQL of the user's own.
#[async_trait]
pub trait TransactionSql: Send {
    /// Runs a statement with `$1`, `$2`, … and returns how many rows it changed.
    ///
    /// # Errors
    /// [`StoreError::Unsupported`] where the store knows no SQL, [`StoreError::Invalid`] for one that
    /// would end the transaction, or what the database says; each ends the transaction, so that an
    /// `INSERT` that may fail is written with `ON CONFLICT`.
    async fn execute(&mut self, sql: &str, parameters: &[Value]) -> Result<u64, StoreError>;

    /// Runs a statement in its turn without waiting for its answer: it takes effect after what was asked
    /// before it and before what is asked next, so that a store on a network can make use of the way.
    ///
    /// # Errors
    /// As [`execute`](Self::execute), but a failure may be told by what is asked next, or by the commit.
    async fn enqueue(&mut self, sql: &str, parameters: &[Value]) -> Result<(), StoreError>;

    /// Runs a query and returns its rows as text, numbers and nulls.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    async fn query(&mut self, sql: &str, parameters: &[Value]) -> Result<Vec<Row>, StoreError>;
}

/// The log, where it is kept in the same place.
#[async_trait]
pub trait TransactionLog: Send {
    /// Reads the log, with this transaction's own appends.
    ///
    /// # Errors
    /// [`StoreError::Unsupported`] where the log is elsewhere.
    async fn read_log(&mut self, query: &LogQuery) -> Result<LogPage, StoreError>;

    /// Appends as [`EventStore::append`](super::EventStore::append) does, in this transaction. It
    /// comes last: the log is locked from here to the commit.
    ///
    /// # Errors
    /// As [`EventStore::append`](super::EventStore::append); each ends the transaction. In a hook it
    /// is [`StoreError::Invalid`], and [`StoreError::Unsupported`] where the log is elsewhere.
    async fn append(&mut self, append: &Append) -> Result<Appended, StoreError>;
}
