//! A connection of the pool while it is in use.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use annals_core::store::StoreError;
use deadpool_postgres::Object;
use tokio::runtime::Handle;
use tokio_postgres::NoTls;
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::connection::Connector;
use crate::error::STORE;
use crate::link::Link;
use crate::options::PgOptions;
use crate::pipeline::Pipeline;
use crate::portion::Read;
use crate::pulse::Pulse;
use crate::transaction::PgTransaction;

/// How much longer than the server the client waits: long enough for the server to say so itself.
const GRACE: Duration = Duration::from_secs(5);

/// How many statements' time a transaction may take.
const TRANSACTION_STATEMENTS: u32 = 10;

/// A connection that goes back to the pool when it is dropped, unless it is good for nobody any more:
/// then it is closed. If something is still under way on it, because the caller went away, the server
/// is asked to stop it first.
pub(crate) struct Lent<'s> {
    connector: &'s Connector,
    /// Taken only on the way out.
    object: Option<Object>,
    /// Something is under way.
    unsettled: AtomicBool,
    /// The connection is broken, or holds something that the next user must not meet.
    spoilt: AtomicBool,
}

impl<'s> Lent<'s> {
    pub(crate) async fn from(connector: &'s Connector) -> Result<Self, StoreError> {
        Ok(Self::new(connector, connector.pooled().await?))
    }

    /// The connection that is kept for signs of life.
    pub(crate) async fn apart(connector: &'s Connector) -> Result<Self, StoreError> {
        Ok(Self::new(connector, connector.pooled_apart().await?))
    }

    fn new(connector: &'s Connector, object: Object) -> Self {
        Self {
            connector,
            object: Some(object),
            unsettled: AtomicBool::new(false),
            spoilt: AtomicBool::new(false),
        }
    }

    pub(crate) fn link(&self) -> Result<Link<'_>, StoreError> {
        let object = self.object.as_ref().ok_or(StoreError::Closed)?;
        Ok(self.connector.link(object))
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
            self.spoil();
        }
        read.page
    }

    /// Runs work in a transaction of its own, which the work ends when all is well.
    pub(crate) async fn transaction<T>(
        &self,
        work: impl AsyncFnOnce(PgTransaction<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let limit = self.connector.options.statement_timeout * TRANSACTION_STATEMENTS + GRACE;
        let pulse = Pulse::new(self.connector.options.frozen_after);
        let run = async {
            let link = self.link()?;
            let done = async {
                let pipeline = Pipeline::begin(link, self.begin());
                work(PgTransaction::new(link, pipeline, &pulse, &self.spoilt)).await
            };
            let done = tokio::select! {
                biased;
                done = done => done,
                never = pulse.beat(link) => match never {},
            };
            // Also after a commit that failed before the server had heard of it.
            if done.is_err() && link.run("ROLLBACK").await.is_err() {
                self.spoil();
            }
            match done {
                // What was not committed is lost for a reason that can be told.
                Err(StoreError::Unavailable { .. }) if pulse.check().is_err() => {
                    self.spoil();
                    pulse.check().and(done)
                }
                done => done,
            }
        };
        self.bounded(limit, run).await.unwrap_or_else(|| {
            let silent = format!("{} did not answer for {limit:?}", self.connector.place);
            Err(StoreError::OutcomeUnknown { source: Arc::new(std::io::Error::other(silent)) })
        })
    }

    /// Names without a schema mean those of the store, and a frozen process is noticed, behind a pooler
    /// too.
    fn begin(&self) -> String {
        format!(
            "BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL search_path TO {}, public; \
             SET LOCAL idle_in_transaction_session_timeout TO {}",
            self.connector.options.schema.quoted(),
            self.connector.options.frozen_after.as_millis()
        )
    }

    fn spoil(&self) {
        self.spoilt.store(true, Ordering::Relaxed);
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
        let lost = match &outcome {
            Some(Ok(_)) => false,
            Some(Err(error)) => {
                matches!(error, StoreError::Unavailable { .. } | StoreError::OutcomeUnknown { .. })
            }
            None => true,
        };
        if lost {
            self.spoil();
        }
        self.unsettled.store(false, Ordering::Relaxed);
        outcome
    }
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        let Some(object) = self.object.take() else { return };
        if self.unsettled.load(Ordering::Relaxed) {
            let leaving = Leaving(Some(object));
            let PgOptions { statement_timeout, lock_timeout, .. } = &self.connector.options;
            let limit = *statement_timeout.max(lock_timeout) + GRACE;
            // Without a runtime nothing can be asked of the server, and nobody opens another. A pooler
            // counts the server's sessions itself, and PgBouncer 1.18 breaks over requests to cancel.
            if !self.connector.options.pooler
                && let Ok(runtime) = Handle::try_current()
            {
                runtime.spawn(leaving.let_go(self.connector.tls(), limit));
            }
        } else if self.spoilt.load(Ordering::Relaxed) {
            drop(Object::take(object));
        }
    }
}

/// A connection on which something is under way that nobody waits for. It keeps its place in the pool
/// until the server has let go: otherwise callers that give up while a lock is held would have their
/// statements wait on in one session after the other, until the server has none left.
struct Leaving(Option<Object>);

impl Leaving {
    async fn let_go(self, tls: Option<MakeRustlsConnect>, limit: Duration) {
        let Some(object) = &self.0 else { return };
        let ended = async {
            let token = object.cancel_token();
            let asked = match tls {
                None => token.cancel_query(NoTls).await,
                Some(tls) => token.cancel_query(tls).await,
            };
            if let Err(error) = asked {
                tracing::debug!(%error, "a statement nobody waits for cannot be cancelled");
            }
            // Answered behind whatever is under way.
            object.batch_execute("ROLLBACK").await
        };
        // Either way there is nothing more to wait for.
        let _ = tokio::time::timeout(limit, ended).await;
    }
}

impl Drop for Leaving {
    fn drop(&mut self) {
        // Closed: the request may arrive late, and would hit the next statement.
        if let Some(object) = self.0.take() {
            drop(Object::take(object));
        }
    }
}
