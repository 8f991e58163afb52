//! One failure ends a transaction, in every store alike.

use async_trait::async_trait;

use jiff::Timestamp;

use super::{
    Advance, Append, Appended, Fence, LogPage, LogQuery, StoreError, Transaction,
    TransactionCheckpoints, TransactionLog, TransactionSql, TransactionState, TransactionTables,
};
use crate::names::Position;
use crate::table::{KeyValues, Row, RowQuery, TableSpec, Value};

/// A transaction that one failure ends: whatever is asked of it later is refused with
/// [`StoreError::TransactionOver`], and so is its commit. For authors of stores: work gets its
/// transaction in this, so that it cannot ignore what a database does not forgive, and means the same
/// on those that would.
#[derive(Debug)]
pub struct Strict<'t, T: ?Sized> {
    transaction: &'t mut T,
    /// A step has begun and nobody has heard its end.
    under_way: bool,
    failed: Option<StoreError>,
    log: Log,
}

/// What may be done with the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Log {
    /// Nothing was appended yet.
    Open,
    /// An append was made, and it comes last.
    Appended,
    /// This is the work of a hook, whose append is under way.
    OfHook,
}

/// Whoever asked for a step did not wait for its end.
#[derive(Debug, thiserror::Error)]
#[error("one of its steps was dropped before it ended")]
struct Dropped;

impl<'t, T: Transaction + ?Sized> Strict<'t, T> {
    /// A transaction in which nothing has failed yet.
    pub fn new(transaction: &'t mut T) -> Self {
        Self { transaction, under_way: false, failed: None, log: Log::Open }
    }

    /// The transaction of an append, as its hooks see it.
    pub fn for_hooks(transaction: &'t mut T) -> Self {
        Self { log: Log::OfHook, ..Self::new(transaction) }
    }

    /// The transaction itself, for what its store does with it. A failure there is for the caller
    /// to pass on.
    pub fn inner(&mut self) -> &mut T {
        self.transaction
    }

    /// Whether the transaction may be committed.
    ///
    /// # Errors
    /// [`StoreError::TransactionOver`] when a step of it has failed.
    pub fn finish(mut self) -> Result<(), StoreError> {
        self.log = Log::Open;
        self.go_on().map(|_| ())
    }

    fn go_on(&mut self) -> Result<&mut T, StoreError> {
        if self.under_way {
            self.failed.get_or_insert_with(|| StoreError::refused(Dropped));
        }
        if let Some(first) = &self.failed {
            return Err(StoreError::TransactionOver { first: Box::new(first.clone()) });
        }
        if self.log == Log::Appended {
            let error = refused_after_append();
            self.failed = Some(error.clone());
            return Err(error);
        }
        self.under_way = true;
        Ok(self.transaction)
    }

    fn note<R>(&mut self, outcome: Result<R, StoreError>) -> Result<R, StoreError> {
        self.under_way = false;
        outcome.inspect_err(|error| self.failed = Some(error.clone()))
    }
}

#[async_trait]
impl<T: Transaction + ?Sized> TransactionCheckpoints for Strict<'_, T> {
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

    async fn fence_checkpoint(&mut self, name: &str) -> Result<Fence, StoreError> {
        let outcome = self.go_on()?.fence_checkpoint(name).await;
        self.note(outcome)
    }

    async fn advance_checkpoint(&mut self, step: &Advance) -> Result<(), StoreError> {
        let outcome = self.go_on()?.advance_checkpoint(step).await;
        self.note(outcome)
    }
}

#[async_trait]
impl<T: Transaction + ?Sized> TransactionState for Strict<'_, T> {
    async fn state(&mut self, key: &str) -> Result<Option<String>, StoreError> {
        let outcome = self.go_on()?.state(key).await;
        self.note(outcome)
    }

    async fn put_state(&mut self, key: &str, text: &str) -> Result<(), StoreError> {
        let outcome = self.go_on()?.put_state(key, text).await;
        self.note(outcome)
    }

    async fn now(&mut self) -> Result<Timestamp, StoreError> {
        let outcome = self.go_on()?.now().await;
        self.note(outcome)
    }
}

#[async_trait]
impl<T: Transaction + ?Sized> TransactionTables for Strict<'_, T> {
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
        keys: &[KeyValues],
    ) -> Result<Vec<Row>, StoreError> {
        let transaction = self.go_on()?;
        let outcome = match table.check_keys(keys) {
            Ok(()) => transaction.load_rows(table, keys).await,
            Err(invalid) => Err(invalid.into()),
        };
        self.note(outcome)
    }

    async fn query_rows(
        &mut self,
        table: &TableSpec,
        query: &RowQuery,
    ) -> Result<Vec<Row>, StoreError> {
        let outcome = self.go_on()?.query_rows(table, query).await;
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

    async fn raise_rows(
        &mut self,
        table: &TableSpec,
        rows: &[Row],
        column: &str,
    ) -> Result<u64, StoreError> {
        let transaction = self.go_on()?;
        let outcome = match table.kept_rows(rows) {
            Ok(rows) => transaction.raise_rows(table, &rows, column).await,
            Err(invalid) => Err(invalid.into()),
        };
        self.note(outcome)
    }

    async fn enqueue_rows(&mut self, table: &TableSpec, rows: &[Row]) -> Result<(), StoreError> {
        let transaction = self.go_on()?;
        let outcome = match table.kept_rows(rows) {
            Ok(rows) => transaction.enqueue_rows(table, &rows).await,
            Err(invalid) => Err(invalid.into()),
        };
        self.note(outcome)
    }

    async fn delete_rows(
        &mut self,
        table: &TableSpec,
        keys: &[KeyValues],
    ) -> Result<(), StoreError> {
        let transaction = self.go_on()?;
        let outcome = match table.check_keys(keys) {
            Ok(()) => transaction.delete_rows(table, keys).await,
            Err(invalid) => Err(invalid.into()),
        };
        self.note(outcome)
    }
}

#[async_trait]
impl<T: Transaction + ?Sized> TransactionSql for Strict<'_, T> {
    async fn execute(&mut self, sql: &str, parameters: &[Value]) -> Result<u64, StoreError> {
        let transaction = self.go_on()?;
        let outcome = match check_parameters(parameters) {
            Ok(()) => transaction.execute(sql, parameters).await,
            Err(invalid) => Err(invalid),
        };
        self.note(outcome)
    }

    async fn enqueue(&mut self, sql: &str, parameters: &[Value]) -> Result<(), StoreError> {
        let transaction = self.go_on()?;
        let outcome = match check_parameters(parameters) {
            Ok(()) => transaction.enqueue(sql, parameters).await,
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

#[async_trait]
impl<T: Transaction + ?Sized> TransactionLog for Strict<'_, T> {
    async fn read_log(&mut self, query: &LogQuery) -> Result<LogPage, StoreError> {
        let outcome = self.go_on()?.read_log(query).await;
        self.note(outcome)
    }

    async fn append(&mut self, append: &Append) -> Result<Appended, StoreError> {
        let of_hook = self.log == Log::OfHook;
        let transaction = self.go_on()?;
        let outcome = match append.check() {
            Ok(()) if of_hook => Err(refused_in_hook()),
            Ok(()) => transaction.append(append).await,
            Err(invalid) => Err(invalid),
        };
        self.log = if of_hook { Log::OfHook } else { Log::Appended };
        self.note(outcome)
    }
}

fn refused_after_append() -> StoreError {
    StoreError::Invalid {
        why:
            "an append comes last in a transaction, because it locks the log until the commit: do \
              everything else before it"
                .to_owned(),
    }
}

fn refused_in_hook() -> StoreError {
    StoreError::Invalid {
        why: "a hook belongs to an append, and cannot make another: react to events by a consumer"
            .to_owned(),
    }
}

fn check_parameters(parameters: &[Value]) -> Result<(), StoreError> {
    let mut mistakes =
        parameters.iter().zip(1..).filter_map(|(value, n)| Some((n, value.mistake()?)));
    let refuse = |(n, mistake)| StoreError::Invalid { why: format!("parameter `${n}`: {mistake}") };
    mistakes.next().map_or(Ok(()), |mistake| Err(refuse(mistake)))
}
