//! What work inside a transaction can do.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use annals_core::Position;
use annals_core::store::{
    Lease, LogPage, LogQuery, StoreError, Transaction, refuse_transaction_control,
};
use annals_core::table::{Row, RowKey, TableSpec, Value};
use async_trait::async_trait;
use futures_util::future::join;
use tokio_postgres::types::{ToSql, Type};

use crate::connection::Connector;
use crate::definitions::Definitions;
use crate::error::is_lost;
use crate::event_row::{get, position, signed};
use crate::session::Session;
use crate::session_state::changes_session;
use crate::statements::Statements;
use crate::value::{Bind, read_untyped};
use crate::{checkpoints, indexes, leases, log, table_sql, tables};

pub(crate) struct PgTransaction<'t> {
    pub(crate) session: Session<'t>,
    pub(crate) sql: &'t Statements,
    pub(crate) connector: &'t Connector,
    /// Written with the commit, which saves a round trip, or before anything that can see it.
    checkpoints: Vec<(String, Position)>,
    /// Set when the session is not to be used again after this.
    spoilt: &'t AtomicBool,
}

impl<'t> PgTransaction<'t> {
    pub(crate) fn new(
        session: Session<'t>,
        sql: &'t Statements,
        connector: &'t Connector,
        spoilt: &'t AtomicBool,
    ) -> Self {
        Self { session, sql, connector, checkpoints: Vec::new(), spoilt }
    }

    /// The way for a statement of the user's own, which may be any.
    async fn admit(&mut self, sql: &str) -> Result<Session<'t>, StoreError> {
        refuse_transaction_control(sql)?;
        if changes_session(sql) {
            self.spoilt.store(true, Ordering::Relaxed);
        }
        self.write_checkpoints().await?;
        Ok(self.session.unnamed())
    }

    async fn write_checkpoints(&mut self) -> Result<(), StoreError> {
        for (name, position) in std::mem::take(&mut self.checkpoints) {
            let (session, sql, connector) = (self.session, self.sql, self.connector);
            checkpoints::set_checkpoint(session, sql, connector, &name, position).await?;
        }
        Ok(())
    }

    /// Commits, with the checkpoints that are not written yet. After an error the transaction may
    /// still be open.
    pub(crate) async fn commit(mut self) -> Result<(), StoreError> {
        let Some((name, position)) = self.checkpoints.pop() else {
            return self.prove_and_commit().await.map_err(|error| self.not_committed(error));
        };
        self.write_checkpoints().await?;
        let (session, failed) = (self.session, self.connector.failed());
        let write = session.ready(&self.sql.write_checkpoint, &[Type::TEXT, Type::INT8]).await;
        let (write, position) = (write.map_err(&failed)?, signed(position.get()));
        // Polled, and so sent, in this order.
        let values: [&(dyn ToSql + Sync); 2] = [&name, &position];
        match join(write.query(session.client, &values), self.prove_and_commit()).await {
            // The commit was not carried out behind it.
            (Err(refused), Err(_)) if !is_lost(&refused) => Err(failed(refused)),
            (_, committed) => committed.map_err(|error| self.not_committed(error)),
        }
    }

    /// Of a transaction in which something has failed, `COMMIT` makes a `ROLLBACK` and calls that a
    /// success. A statement in front of it fails in there, and then nothing behind it is done.
    async fn prove_and_commit(&self) -> Result<(), tokio_postgres::Error> {
        self.session.client.batch_execute("SELECT; COMMIT").await
    }

    fn not_committed(&self, error: tokio_postgres::Error) -> StoreError {
        match is_lost(&error) {
            true => StoreError::OutcomeUnknown { source: Arc::new(error) },
            false => self.connector.failed()(error),
        }
    }

    async fn run(&self, sql: &str) -> Result<(), StoreError> {
        self.session.client.batch_execute(sql).await.map_err(self.connector.failed())
    }

    fn definitions(&self) -> Definitions<'t> {
        Definitions { session: self.session, sql: self.sql, connector: self.connector }
    }
}

#[async_trait]
impl Transaction for PgTransaction<'_> {
    async fn checkpoint(&mut self, name: &str) -> Result<Option<Position>, StoreError> {
        self.write_checkpoints().await?;
        let read = ("checkpoint", self.sql.read_checkpoint.as_str());
        let (session, sql, connector) = (self.session, self.sql, self.connector);
        let row = checkpoints::read_locked(session, sql, connector, read, name).await?;
        row.map(|row| position(&row, 0)).transpose()
    }

    async fn set_checkpoint(&mut self, name: &str, position: Position) -> Result<(), StoreError> {
        self.checkpoints.push((name.to_owned(), position));
        Ok(())
    }

    async fn remove_checkpoint(&mut self, name: &str) -> Result<(), StoreError> {
        self.write_checkpoints().await?;
        checkpoints::remove_checkpoint(self.session, self.sql, self.connector, name).await
    }

    async fn check_lease(&mut self, lease: &Lease) -> Result<(), StoreError> {
        leases::check_lease(self.session, self.sql, self.connector, lease).await
    }

    async fn state(&mut self, key: &str) -> Result<Option<String>, StoreError> {
        let read = ("state", self.sql.read_state.as_str());
        let (session, sql, connector) = (self.session, self.sql, self.connector);
        let row = checkpoints::read_locked(session, sql, connector, read, key).await?;
        row.map(|row| get(&row, 0)).transpose()
    }

    async fn put_state(&mut self, key: &str, text: &str) -> Result<(), StoreError> {
        checkpoints::put_state(self.session, self.sql, self.connector, key, text).await
    }

    async fn create_table(&mut self, table: &TableSpec) -> Result<(), StoreError> {
        table.check()?;
        let schema = &self.connector.options.schema;
        self.run(&table_sql::create_table(schema, table)).await?;
        indexes::reconcile(self.session, self.sql, self.connector, table).await
    }

    async fn drop_table(&mut self, table: &str) -> Result<(), StoreError> {
        self.definitions().drop_table(table).await
    }

    async fn point_view(&mut self, view: &str, table: &TableSpec) -> Result<(), StoreError> {
        self.definitions().point_view(view, table).await
    }

    async fn drop_view(&mut self, view: &str) -> Result<(), StoreError> {
        self.definitions().drop_view(view).await
    }

    async fn load_rows(
        &mut self,
        table: &TableSpec,
        keys: &[RowKey],
    ) -> Result<Vec<Row>, StoreError> {
        tables::load_rows(self.session, self.connector, table, keys).await
    }

    async fn upsert_rows(&mut self, table: &TableSpec, rows: &[Row]) -> Result<(), StoreError> {
        tables::upsert_rows(self.session, self.connector, table, rows).await
    }

    async fn delete_rows(&mut self, table: &TableSpec, keys: &[RowKey]) -> Result<(), StoreError> {
        tables::delete_rows(self.session, self.connector, table, keys).await
    }

    async fn read_log(&mut self, query: &LogQuery) -> Result<LogPage, StoreError> {
        // What was sent beyond the page is passed over: the connection is needed.
        let read = log::read_log(self.session, self.sql, self.connector, query).await?;
        Ok(read.page)
    }

    async fn execute(&mut self, sql: &str, parameters: &[Value]) -> Result<u64, StoreError> {
        let session = self.admit(sql).await?;
        let binds: Vec<Bind<'_>> = parameters.iter().map(Bind).collect();
        let changed = session.execute(sql, &tables::bound(&binds)).await;
        changed.map_err(self.connector.failed())
    }

    async fn query(&mut self, sql: &str, parameters: &[Value]) -> Result<Vec<Row>, StoreError> {
        let session = self.admit(sql).await?;
        let binds: Vec<Bind<'_>> = parameters.iter().map(Bind).collect();
        let rows = session.query(sql, &tables::bound(&binds)).await;
        let rows = rows.map_err(self.connector.failed())?;
        let read = |row: &tokio_postgres::Row| {
            (0..row.len()).map(|place| read_untyped(row, place)).collect()
        };
        rows.iter().map(read).collect()
    }
}
