//! A connection of the pool while it is in use.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use annals_core::store::{StoreError, Strict};
use deadpool_postgres::Object;

use crate::connection::Connector;
use crate::error::STORE;
use crate::portion::Read;
use crate::session::Session;
use crate::statements::Statements;
use crate::transaction::PgTransaction;

/// How much longer than the server the client waits: long enough for the server to say so itself.
const GRACE: Duration = Duration::from_secs(5);

/// How many statements' time a transaction may take.
const TRANSACTION_STATEMENTS: u32 = 10;

/// A connection that goes back to the pool when it is dropped, unless something is still under way
/// on it: then it is closed, and the server rolls back.
pub(crate) struct Lent<'s> {
    connector: &'s Connector,
    /// Taken only on the way out.
    object: Option<Object>,
    unsettled: AtomicBool,
    /// Something went wrong that the connection does not get over.
    spoilt: AtomicBool,
}

impl<'s> Lent<'s> {
    pub(crate) async fn from(connector: &'s Connector) -> Result<Self, StoreError> {
        let object = Some(connector.pooled().await?);
        Ok(Self {
            connector,
            object,
            unsettled: AtomicBool::new(false),
            spoilt: AtomicBool::new(false),
        })
    }

    pub(crate) fn session(&self) -> Result<Session<'_>, StoreError> {
        let object = self.object.as_ref().ok_or(StoreError::Closed)?;
        Ok(self.connector.session(object))
    }

    /// Waits for work that is bounded by the server's own timeout, in case the server is not there
    /// any more and nobody says so.
    pub(crate) async fn within<T>(
        &self,
        work: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let limit = self.connector.options.statement_timeout + GRACE;
        self.bounded(limit, work).await.unwrap_or_else(|| {
            Err(StoreError::TimedOut {
                store: STORE,
                what: format!("{} did not answer for {limit:?}", self.connector.place),
                option: "statement_timeout",
            })
        })
    }

    /// What was read. A connection on which more comes than anybody waits for is not used again.
    pub(crate) fn settled<T>(&self, read: Read<T>) -> T {
        if read.cut_off {
            self.spoilt.store(true, Ordering::Relaxed);
        }
        read.page
    }

    /// Runs work in a transaction of its own.
    pub(crate) async fn transaction<T>(
        &self,
        sql: &Statements,
        work: impl AsyncFnOnce(&mut Strict<PgTransaction<'_>>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let limit = self.connector.options.statement_timeout * TRANSACTION_STATEMENTS + GRACE;
        let run = async {
            let session = self.session()?;
            let done = self.begin_and_commit(session, sql, work).await;
            // Also after a commit that failed before the server had heard of it.
            if done.is_err() && session.client.batch_execute("ROLLBACK").await.is_err() {
                self.spoilt.store(true, Ordering::Relaxed);
            }
            done
        };
        self.bounded(limit, run).await.unwrap_or_else(|| {
            let silent = format!("{} did not answer for {limit:?}", self.connector.place);
            Err(StoreError::OutcomeUnknown { source: Arc::new(std::io::Error::other(silent)) })
        })
    }

    /// After an error a transaction may still be open.
    async fn begin_and_commit<T>(
        &self,
        session: Session<'_>,
        sql: &Statements,
        work: impl AsyncFnOnce(&mut Strict<PgTransaction<'_>>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        session.client.batch_execute(&self.begin()).await.map_err(self.connector.failed())?;
        let mut transaction = Strict::new(PgTransaction::new(session, sql, self.connector));
        let value = work(&mut transaction).await?;
        transaction.finish()?.commit().await?;
        Ok(value)
    }

    /// Names without a schema mean those of the store, behind a pooler too.
    fn begin(&self) -> String {
        format!("BEGIN; SET LOCAL search_path TO {}, public", self.connector.options.schema.0)
    }

    /// `None` when the time is over.
    async fn bounded<T>(
        &self,
        limit: Duration,
        work: impl Future<Output = Result<T, StoreError>>,
    ) -> Option<Result<T, StoreError>> {
        self.unsettled.store(true, Ordering::Relaxed);
        let outcome = tokio::time::timeout(limit, work).await.ok();
        // Whatever was lost on the way leaves a connection behind that nobody should be given.
        let settled = match &outcome {
            Some(Ok(_)) => true,
            Some(Err(error)) => {
                !matches!(error, StoreError::Unavailable { .. } | StoreError::OutcomeUnknown { .. })
            }
            None => false,
        };
        self.unsettled.store(!settled, Ordering::Relaxed);
        outcome
    }
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        let keep = !self.unsettled.load(Ordering::Relaxed) && !self.spoilt.load(Ordering::Relaxed);
        if !keep && let Some(object) = self.object.take() {
            drop(Object::take(object));
        }
    }
}
