//! What work inside a transaction can do.

use std::sync::atomic::{AtomicBool, Ordering};

use annals_core::Position;
use annals_core::store::{
    Lease, LogPage, LogQuery, StoreError, Transaction, refuse_transaction_control,
};
use annals_core::table::{Row, RowKey, TableSpec, Value};
use async_trait::async_trait;
use futures_util::future::join;
use tokio_postgres::types::Type;

use crate::event_row::{get, position};
use crate::link::Link;
use crate::session_state::changes_session;
use crate::value::{Bind, read_untyped};
use crate::{checkpoints, definitions, indexes, leases, log, table_sql, tables};

pub(crate) struct PgTransaction<'t> {
    pub(crate) link: Link<'t>,
    /// Written with the commit, which saves a round trip, or before anything that can see it.
    pub(crate) checkpoints: Vec<(String, Position)>,
    /// Set when the session is not to be used again after this.
    spoilt: &'t AtomicBool,
}

impl<'t> PgTransaction<'t> {
    pub(crate) fn new(link: Link<'t>, spoilt: &'t AtomicBool) -> Self {
        Self { link, checkpoints: Vec::new(), spoilt }
    }

    /// The way for a statement of the user's own, which may be any.
    async fn admit(&mut self, sql: &str) -> Result<Link<'t>, StoreError> {
        refuse_transaction_control(sql)?;
        if changes_session(sql) {
            self.spoilt.store(true, Ordering::Relaxed);
        }
        self.write_checkpoints().await?;
        Ok(self.link.unnamed())
    }

    pub(crate) async fn write_checkpoints(&mut self) -> Result<(), StoreError> {
        for (name, position) in std::mem::take(&mut self.checkpoints) {
            checkpoints::set_checkpoint(self.link, &name, position).await?;
        }
        Ok(())
    }

    /// Reads what is kept under a name in order to change it: nobody else does until the transaction
    /// ends. The read is sent right behind the lock, and sees what was committed while that waited.
    async fn read_locked(
        &self,
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
impl Transaction for PgTransaction<'_> {
    async fn checkpoint(&mut self, name: &str) -> Result<Option<Position>, StoreError> {
        self.write_checkpoints().await?;
        let row = self.read_locked("checkpoint", &self.link.sql.read_checkpoint, name).await?;
        row.map(|row| position(&row, 0)).transpose()
    }

    async fn set_checkpoint(&mut self, name: &str, position: Position) -> Result<(), StoreError> {
        self.checkpoints.push((name.to_owned(), position));
        Ok(())
    }

    async fn remove_checkpoint(&mut self, name: &str) -> Result<(), StoreError> {
        self.write_checkpoints().await?;
        checkpoints::remove_checkpoint(self.link, name).await
    }

    async fn check_lease(&mut self, lease: &Lease) -> Result<(), StoreError> {
        leases::check_lease(self.link, lease).await
    }

    async fn state(&mut self, key: &str) -> Result<Option<String>, StoreError> {
        let row = self.read_locked("state", &self.link.sql.read_state, key).await?;
        row.map(|row| get(&row, 0)).transpose()
    }

    async fn put_state(&mut self, key: &str, text: &str) -> Result<(), StoreError> {
        checkpoints::put_state(self.link, key, text).await
    }

    async fn create_table(&mut self, table: &TableSpec) -> Result<(), StoreError> {
        table.check()?;
        self.link.run(&table_sql::create_table(self.link.schema(), table)).await?;
        indexes::reconcile(self.link, table).await
    }

    async fn drop_table(&mut self, table: &str) -> Result<(), StoreError> {
        definitions::drop_table(self.link, table).await
    }

    async fn point_view(&mut self, view: &str, table: &TableSpec) -> Result<(), StoreError> {
        definitions::point_view(self.link, view, table).await
    }

    async fn drop_view(&mut self, view: &str) -> Result<(), StoreError> {
        definitions::drop_view(self.link, view).await
    }

    async fn load_rows(
        &mut self,
        table: &TableSpec,
        keys: &[RowKey],
    ) -> Result<Vec<Row>, StoreError> {
        tables::load_rows(self.link, table, keys).await
    }

    async fn upsert_rows(&mut self, table: &TableSpec, rows: &[Row]) -> Result<(), StoreError> {
        tables::upsert_rows(self.link, table, rows).await
    }

    async fn delete_rows(&mut self, table: &TableSpec, keys: &[RowKey]) -> Result<(), StoreError> {
        tables::delete_rows(self.link, table, keys).await
    }

    async fn read_log(&mut self, query: &LogQuery) -> Result<LogPage, StoreError> {
        // What was sent beyond the page is passed over: the connection is needed.
        let read = log::read_log(self.link, query).await?;
        Ok(read.page)
    }

    async fn execute(&mut self, sql: &str, parameters: &[Value]) -> Result<u64, StoreError> {
        let link = self.admit(sql).await?;
        let binds: Vec<Bind<'_>> = parameters.iter().map(Bind).collect();
        link.execute(sql, &tables::bound(&binds)).await
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
