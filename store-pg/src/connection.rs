//! Connecting: by TCP or TLS, with the settings of a session, and again while a server is away.

use std::sync::Arc;
use std::time::Duration;

use annals_core::store::StoreError;
use deadpool_postgres::{
    ClientWrapper, Manager, ManagerConfig, Object, Pool, PoolError, RecyclingMethod, Runtime,
    TimeoutType,
};
use tokio::time::Instant;
use tokio_postgres::{AsyncMessage, Config, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::error::{STORE, translate};
use crate::link::Link;
use crate::options::{PgOptions, Tls};
use crate::portion::EventSize;
use crate::session::Session;
use crate::statements::Statements;
use crate::tls;

/// How long a connection may take unless the URL says otherwise.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// The pauses between attempts to connect grow up to this.
const MAX_PAUSE: Duration = Duration::from_millis(500);

/// The way to the server, and what is said there.
pub(crate) struct Connector {
    config: Config,
    tls: Option<MakeRustlsConnect>,
    pool: Pool,
    /// Of one connection, so that signs of life do not wait for handlers that have taken all others.
    apart: Pool,
    pub(crate) options: PgOptions,
    sql: Statements,
    pub(crate) place: Arc<str>,
    /// What pages are portioned by.
    pub(crate) event_size: EventSize,
}

impl Connector {
    pub(crate) fn new(options: PgOptions) -> Result<Self, StoreError> {
        options.check()?;
        let mut config = options.config.clone();
        if !options.pooler {
            // A pooler refuses settings that would outlive the transaction.
            config.options(settings(&options));
        }
        let tls = match &options.encryption()? {
            Tls::Disabled => {
                config.ssl_mode(tokio_postgres::config::SslMode::Disable);
                None
            }
            Tls::VerifyFull { roots, client } => {
                config.ssl_mode(tokio_postgres::config::SslMode::Require);
                Some(tls::connector(roots, client.as_ref())?)
            }
        };
        let patience = config.get_connect_timeout().copied().unwrap_or(CONNECT_TIMEOUT);
        let pool = |connections| {
            let recycling = ManagerConfig { recycling_method: RecyclingMethod::Fast };
            let manager = match &tls {
                None => Manager::from_config(config.clone(), NoTls, recycling),
                Some(tls) => Manager::from_config(config.clone(), tls.clone(), recycling),
            };
            Pool::builder(manager)
                .max_size(connections)
                .wait_timeout(Some(options.pool_timeout))
                .create_timeout(Some(patience))
                .runtime(Runtime::Tokio1)
                .build()
                .map_err(|error| StoreError::Invalid { why: error.to_string() })
        };
        let (pool, apart) = (pool(options.pool)?, pool(1)?);
        let (place, sql) = (options.place().into(), Statements::of(&options.schema));
        Ok(Self { config, tls, pool, apart, options, sql, place, event_size: EventSize::default() })
    }

    /// A connection of the pool.
    pub(crate) async fn pooled(&self) -> Result<Object, StoreError> {
        let (limit, option) = (self.options.pool, "pool");
        self.of_pool(&self.pool, StoreError::Overloaded { store: STORE, limit, option }).await
    }

    /// The connection that is kept for signs of life, opened when it is first needed.
    pub(crate) async fn pooled_apart(&self) -> Result<Object, StoreError> {
        let (limit, option) = (1, "pool_timeout");
        self.of_pool(&self.apart, StoreError::Overloaded { store: STORE, limit, option }).await
    }

    async fn of_pool(&self, pool: &Pool, overloaded: StoreError) -> Result<Object, StoreError> {
        pool.get().await.map_err(|error| match error {
            PoolError::Backend(error) => translate(error, &self.place),
            PoolError::Timeout(TimeoutType::Wait) => overloaded,
            PoolError::Closed => StoreError::Closed,
            other => {
                StoreError::Unavailable { place: self.place.to_string(), source: Arc::new(other) }
            }
        })
    }

    /// A connection that stands outside the pool.
    pub(crate) async fn own(&self) -> Result<ClientWrapper, StoreError> {
        self.own_with(|_| ()).await
    }

    /// As [`own`](Self::own); `heard` gets the channel and payload of each notification.
    pub(crate) async fn own_with(
        &self,
        heard: impl Fn(&str) + Send + 'static,
    ) -> Result<ClientWrapper, StoreError> {
        tokio::time::timeout(self.patience(), self.connect(heard)).await.unwrap_or_else(|_| {
            Err(StoreError::Unavailable {
                place: self.place.to_string(),
                source: Arc::new(std::io::Error::other("it did not answer in time")),
            })
        })
    }

    /// How long a connection may take, until the server is ready.
    fn patience(&self) -> Duration {
        self.config.get_connect_timeout().copied().unwrap_or(CONNECT_TIMEOUT)
    }

    async fn connect(
        &self,
        heard: impl Fn(&str) + Send + 'static,
    ) -> Result<ClientWrapper, StoreError> {
        let failed = |error| translate(error, &self.place);
        Ok(match &self.tls {
            None => {
                let (client, connection) = self.config.connect(NoTls).await.map_err(failed)?;
                ClientWrapper::new(client, tokio::spawn(serve(connection, heard)))
            }
            Some(tls) => {
                let connecting = self.config.connect(tls.clone());
                let (client, connection) = connecting.await.map_err(failed)?;
                ClientWrapper::new(client, tokio::spawn(serve(connection, heard)))
            }
        })
    }

    /// Connects, and tries again for as long as the options allow while the server is away.
    pub(crate) async fn own_patiently(&self) -> Result<ClientWrapper, StoreError> {
        let end = Instant::now() + self.options.connect_retry;
        let mut pause = Duration::from_millis(20);
        loop {
            match self.own().await {
                Err(error @ StoreError::Unavailable { .. }) if Instant::now() + pause < end => {
                    tracing::debug!(%error, "the server is away, trying again");
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(MAX_PAUSE);
                }
                outcome => return outcome,
            }
        }
    }

    pub(crate) fn link<'c>(&'c self, client: &'c ClientWrapper) -> Link<'c> {
        let prepared = (!self.options.pooler).then_some(&*client.statement_cache);
        self.link_by(Session { client, prepared })
    }

    /// As [`link`](Self::link), by a connection that need not be of this store.
    pub(crate) fn link_by<'c>(&'c self, session: Session<'c>) -> Link<'c> {
        Link { session, sql: &self.sql, connector: self }
    }

    /// Sees to it that plans are made by index, though tables are small when they are made. Behind a
    /// pooler a session is nobody's own.
    pub(crate) async fn plan_by_index(&self, client: &ClientWrapper) -> Result<(), StoreError> {
        if self.options.pooler {
            return Ok(());
        }
        let limit = self.options.statement_timeout;
        let set = client.batch_execute("SET enable_seqscan = off");
        let set = tokio::time::timeout(limit, set).await.map_err(|_| self.silent(limit))?;
        set.map_err(self.failed())
    }

    pub(crate) fn failed(&self) -> impl Fn(tokio_postgres::Error) -> StoreError + use<> {
        let place = self.place.clone();
        move |error| translate(error, &place)
    }

    /// The server has not answered for so long, and nobody said that it is gone.
    pub(crate) fn silent(&self, limit: Duration) -> StoreError {
        let silent = format!("{} did not answer for {limit:?}", self.place);
        StoreError::Unavailable {
            place: self.place.to_string(),
            source: Arc::new(std::io::Error::other(silent)),
        }
    }

    /// What a request to cancel is sent with.
    pub(crate) fn tls(&self) -> Option<MakeRustlsConnect> {
        self.tls.clone()
    }

    pub(crate) fn close(&self) {
        self.pool.close();
        self.apart.close();
    }
}

/// What every session of this store is started with. Statements are planned once, for any values: a
/// plan for the values at hand goes by statistics, which a table that has just been filled does not
/// have, and then sorts what an index has in order. Compiling them takes longer than running them. The
/// defaults of a role or a database for its transactions are for others: under another isolation a
/// store would read what was, and fail where it has to wait.
fn settings(options: &PgOptions) -> String {
    let PgOptions { statement_timeout, lock_timeout, frozen_after, schema, .. } = options;
    format!(
        "-c statement_timeout={} -c lock_timeout={} -c idle_in_transaction_session_timeout={} \
         -c search_path={},public -c plan_cache_mode=force_generic_plan -c jit=off {} \
         -c default_transaction_isolation=read\\ committed -c default_transaction_read_only=off \
         -c default_transaction_deferrable=off",
        statement_timeout.as_millis(),
        lock_timeout.as_millis(),
        frozen_after.as_millis(),
        schema.quoted(),
        options.config.get_options().unwrap_or_default()
    )
}

/// Moves messages between the socket and the client until either is gone.
async fn serve<S, T>(
    mut connection: tokio_postgres::Connection<S, T>,
    heard: impl Fn(&str) + Send + 'static,
) where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
    T: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
{
    loop {
        match std::future::poll_fn(|context| connection.poll_message(context)).await {
            Some(Ok(AsyncMessage::Notification(notification))) => heard(notification.payload()),
            Some(Ok(AsyncMessage::Notice(notice))) => {
                tracing::debug!(message = notice.message(), "the server notes");
            }
            Some(Ok(_)) => {}
            Some(Err(error)) => {
                tracing::debug!(%error, "a connection ended");
                return;
            }
            None => return,
        }
    }
}
