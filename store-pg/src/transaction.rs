//! What work inside a transaction can do.

use std::sync::atomic::{AtomicBool, Ordering};

use annals_core::store::{
    Advance, Append, Appended, Fence, LogPage, LogQuery, StoreError, TransactionCheckpoints,
    TransactionLog, TransactionSql, TransactionState, TransactionTables,
    refuse_transaction_control,
};
use annals_core::table::{KeyValues, Row, RowQuery, TableSpec, Value};
use annals_core::{Position, cut_time};
use async_trait::async_trait;
use futures_util::future::join;
use jiff::Timestamp;
use tokio_postgres::types::Type;

use crate::error::corrupt;
use crate::event_row::{get, number, position};
use crate::link::Link;
use crate::pipeline::Pipeline;
use crate::pulse::Pulse;
use crate::session_state::changes_session;
use crate::steps::Step;
use crate::value::{Bind, read_untyped};
use crate::{checkpoints, definitions, indexes, log, table_sql, tables};

pub(crate) struct PgTransaction<'t> {
    pub(crate) link: Link<'t>,
    /// Written with the commit, which saves a round trip, or before anything that can see it.
    pub(crate) steps: Vec<Step>,
    /// Statements that were sent; nothing else is asked before they are answered.
    pub(crate) pipeline: Pipeline<'t>,
    /// How far the log reaches with what this transaction has appended.
    pub(crate) grown: Position,
    pub(crate) pulse: &'t Pulse,
    /// Set when the session is not to be used again after this.
    spoilt: &'t AtomicBool,
}

impl<'t> PgTransaction<'t> {
    pub(crate) fn new(
        link: Link<'t>,
        pipeline: Pipeline<'t>,
        pulse: &'t Pulse,
        spoilt: &'t AtomicBool,
    ) -> Self {
        Self { link, steps: Vec::new(), pipeline, grown: Position::START, pulse, spoilt }
    }

    /// The session is not to be used again.
    pub(crate) fn spoil(&self) {
        self.spoilt.store(true, Ordering::Relaxed);
    }

    /// The way for a statement of the user's own, which may be any.
    async fn admit(&mut self, sql: &str) -> Result<Link<'t>, StoreError> {
        self.look_at(sql)?;
        self.write_steps().await?;
        Ok(self.link.unnamed())
    }

    /// Refuses what would end the transaction, and notes what outlives it.
    fn look_at(&self, sql: &str) -> Result<(), StoreError> {
        refuse_transaction_control(sql)?;
        if changes_session(sql) {
            self.spoil();
        }
        Ok(())
    }

    /// A read, which goes out right behind what was sent.
    async fn behind<T>(
        &mut self,
        read: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        // Polled, and so sent, in this order; the failure of what comes first is the reason.
        let (settled, read) = join(self.pipeline.settle(), read).await;
        settled.and(read)
    }

    /// The connection, once all that was sent is answered.
    async fn settled(&mut self) -> Result<Link<'t>, StoreError> {
        self.pipeline.settle().await?;
        Ok(self.link)
    }

    pub(crate) async fn write_steps(&mut self) -> Result<(), StoreError> {
        self.pipeline.settle().await?;
        for step in std::mem::take(&mut self.steps) {
            step.write(self.link).await?;
        }
        Ok(())
    }

    /// Reads what is kept under a name in order to change it: nobody else does until the transaction
    /// ends, also when nothing is there yet. The read is sent right behind the lock, and sees what was
    /// committed while that waited.
    async fn read_locked(
        &mut self,
        kind: &str,
        read: &str,
        name: &str,
    ) -> Result<Option<tokio_postgres::Row>, StoreError> {
        let session = self.link.session;
        let what = format!("{}/{kind}/{name}", self.link.schema().0);
        let read = async {
            let lock = session.ready(&self.link.sql.lock_name, &[Type::TEXT]).await?;
            let read = session.ready(read, &[Type::TEXT]).await?;
            // Polled, and so sent, in this order.
            let (locked, rows) =
                join(lock.query(session.client, &[&what]), read.query(session.client, &[&name]))
                    .await;
            locked?;
            rows
        };
        Ok(read.await.map_err(self.link.failed())?.into_iter().next())
    }
}

#[async_trait]
impl TransactionCheckpoints for PgTransaction<'_> {
    async fn checkpoint(&mut self, name: &str) -> Result<Option<Position>, StoreError> {
        self.write_steps().await?;
        let row = self.read_locked("checkpoint", &self.link.sql.lock_checkpoint, name).await?;
        row.map(|row| position(&row, 0)).transpose()
    }

    async fn set_checkpoint(&mut self, name: &str, position: Position) -> Result<(), StoreError> {
        self.steps.push(Step::Set(name.to_owned(), position));
        Ok(())
    }

    async fn remove_checkpoint(&mut self, name: &str) -> Result<(), StoreError> {
        self.write_steps().await?;
        checkpoints::remove_checkpoint(self.link, name).await
    }

    async fn fence_checkpoint(&mut self, name: &str) -> Result<Fence, StoreError> {
        self.write_steps().await?;
        let row = self.read_locked("checkpoint", &self.link.sql.fence_checkpoint, name).await?;
        let row = row.ok_or_else(|| corrupt("a checkpoint that was taken over is not there"))?;
        Ok(Fence { token: number(&row, 0)?, position: position(&row, 1)? })
    }

    async fn advance_checkpoint(&mut self, step: &Advance) -> Result<(), StoreError> {
        self.steps.push(Step::Advance(step.clone()));
        Ok(())
    }
}

#[async_trait]
impl TransactionState for PgTransaction<'_> {
    async fn state(&mut self, key: &str) -> Result<Option<String>, StoreError> {
        self.settled().await?;
        let row = self.read_locked("state", &self.link.sql.read_state, key).await?;
        row.map(|row| get(&row, 0)).transpose()
    }

    async fn put_state(&mut self, key: &str, text: &str) -> Result<(), StoreError> {
        checkpoints::put_state(self.settled().await?, key, text).await
    }

    async fn now(&mut self) -> Result<Timestamp, StoreError> {
        now(self.settled().await?).await
    }
}

#[async_trait]
impl TransactionTables for PgTransaction<'_> {
    async fn create_table(&mut self, table: &TableSpec) -> Result<(), StoreError> {
        table.check()?;
        let link = self.settled().await?;
        link.run(&table_sql::create_table(link.schema(), table)).await?;
        indexes::reconcile(link, table).await
    }

    async fn drop_table(&mut self, table: &str) -> Result<(), StoreError> {
        definitions::drop_table(self.settled().await?, table).await
    }

    async fn point_view(&mut self, view: &str, table: &TableSpec) -> Result<(), StoreError> {
        definitions::point_view(self.settled().await?, view, table).await
    }

    async fn drop_view(&mut self, view: &str) -> Result<(), StoreError> {
        definitions::drop_view(self.settled().await?, view).await
    }

    async fn load_rows(
        &mut self,
        table: &TableSpec,
        keys: &[KeyValues],
    ) -> Result<Vec<Row>, StoreError> {
        let rows = tables::load_rows(self.link, table, keys);
        self.behind(rows).await
    }

    async fn query_rows(
        &mut self,
        table: &TableSpec,
        query: &RowQuery,
    ) -> Result<Vec<Row>, StoreError> {
        let rows = tables::query_rows(self.link, table, query);
        self.behind(rows).await
    }

    async fn upsert_rows(&mut self, table: &TableSpec, rows: &[Row]) -> Result<(), StoreError> {
        self.enqueue_rows(table, rows).await?;
        self.pipeline.settle().await
    }

    async fn raise_rows(
        &mut self,
        table: &TableSpec,
        rows: &[Row],
        column: &str,
    ) -> Result<u64, StoreError> {
        tables::raise_rows(self.settled().await?, table, rows, column).await
    }

    async fn enqueue_rows(&mut self, table: &TableSpec, rows: &[Row]) -> Result<(), StoreError> {
        let bytes = rows.iter().flatten().map(Value::bytes).sum();
        self.pipeline.make_room(bytes).await?;
        let upsert = tables::ready_upsert(self.link, table, rows).await;
        if let Some(upsert) = self.pipeline.reason(upsert).await? {
            self.pipeline.push(bytes, upsert)?;
        }
        Ok(())
    }

    async fn delete_rows(
        &mut self,
        table: &TableSpec,
        keys: &[KeyValues],
    ) -> Result<(), StoreError> {
        tables::delete_rows(self.settled().await?, table, keys).await
    }
}

#[async_trait]
impl TransactionLog for PgTransaction<'_> {
    async fn read_log(&mut self, query: &LogQuery) -> Result<LogPage, StoreError> {
        // What was sent beyond the page is passed over: the connection is needed.
        let read = log::read_log(self.settled().await?, query).await?;
        Ok(read.page)
    }

    async fn append(&mut self, append: &Append) -> Result<Appended, StoreError> {
        if append.hooks.is_empty() {
            return self.append_with_hooks(append).await;
        }
        self.write_steps().await?;
        self.link.run("SAVEPOINT before_hooks").await?;
        let appended = self.append_with_hooks(append).await?;
        if appended.repeated {
            // What a hook did before it was known is taken back.
            self.link.run("ROLLBACK TO SAVEPOINT before_hooks").await?;
        }
        Ok(appended)
    }
}

#[async_trait]
impl TransactionSql for PgTransaction<'_> {
    async fn execute(&mut self, sql: &str, parameters: &[Value]) -> Result<u64, StoreError> {
        let link = self.admit(sql).await?;
        let binds: Vec<Bind<'_>> = parameters.iter().map(Bind).collect();
        link.execute(sql, &tables::bound(&binds)).await
    }

    async fn enqueue(&mut self, sql: &str, parameters: &[Value]) -> Result<(), StoreError> {
        self.look_at(sql)?;
        self.pipeline.statement(self.link, sql, parameters).await
    }

    async fn query(&mut self, sql: &str, parameters: &[Value]) -> Result<Vec<Row>, StoreError> {
        let link = self.admit(sql).await?;
        let binds: Vec<Bind<'_>> = parameters.iter().map(Bind).collect();
        let rows = link.query(sql, &tables::bound(&binds)).await?;
        let read = |row: &tokio_postgres::Row| {
            (0..row.len()).map(|place| read_untyped(row, place)).collect()
        };
        rows.iter().map(read).collect()
    }
}

/// The time by the store's clock: the server's, unless another was chosen.
pub(crate) async fn now(link: Link<'_>) -> Result<Timestamp, StoreError> {
    if let Some(clock) = &link.options().clock {
        return Ok(cut_time(clock.now()));
    }
    let row = link.query_opt("SELECT clock_timestamp()", &[]).await?;
    row.map_or_else(|| Err(corrupt("there is no time")), |row| get(&row, 0))
}
