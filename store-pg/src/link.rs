//! A connection in use by one store: its statements by name, and errors in the words of the framework.

use annals_core::store::StoreError;
use futures_util::{Stream, TryStreamExt};
use tokio_postgres::{Error, Row};

use crate::connection::Connector;
use crate::options::PgOptions;
use crate::session::{Bound, Session};
use crate::statements::{Schema, Statements};

/// What a function that talks to the database is given.
#[derive(Clone, Copy)]
pub(crate) struct Link<'s> {
    pub(crate) session: Session<'s>,
    pub(crate) sql: &'s Statements,
    pub(crate) connector: &'s Connector,
}

impl<'s> Link<'s> {
    pub(crate) fn options(self) -> &'s PgOptions {
        &self.connector.options
    }

    pub(crate) fn schema(self) -> &'s Schema {
        &self.connector.options.schema
    }

    /// Puts an error of the server into other words.
    pub(crate) fn failed(self) -> impl Fn(Error) -> StoreError + use<> {
        self.connector.failed()
    }

    /// The same connection, where nothing stays prepared: for statements that may be any.
    pub(crate) fn unnamed(self) -> Self {
        Self { session: Session { prepared: None, ..self.session }, ..self }
    }

    /// Rows as they arrive.
    pub(crate) async fn stream(
        self,
        sql: &str,
        parameters: &[Bound<'_>],
    ) -> Result<impl Stream<Item = Result<Row, StoreError>> + use<>, StoreError> {
        let rows = self.session.stream(sql, parameters).await.map_err(self.failed())?;
        Ok(rows.map_err(self.failed()))
    }

    pub(crate) async fn query(
        self,
        sql: &str,
        parameters: &[Bound<'_>],
    ) -> Result<Vec<Row>, StoreError> {
        self.session.query(sql, parameters).await.map_err(self.failed())
    }

    /// The first row, if there is one.
    pub(crate) async fn query_opt(
        self,
        sql: &str,
        parameters: &[Bound<'_>],
    ) -> Result<Option<Row>, StoreError> {
        self.session.query_opt(sql, parameters).await.map_err(self.failed())
    }

    /// How many rows a statement changed.
    pub(crate) async fn execute(
        self,
        sql: &str,
        parameters: &[Bound<'_>],
    ) -> Result<u64, StoreError> {
        self.session.execute(sql, parameters).await.map_err(self.failed())
    }

    /// Statements without parameters.
    pub(crate) async fn run(self, sql: &str) -> Result<(), StoreError> {
        self.session.client.batch_execute(sql).await.map_err(self.failed())
    }
}
