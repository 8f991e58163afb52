//! The PostgreSQL store of Annals: a global order that never lies, on a server that others use too.
//!
//! Appends that are waiting are committed together by one appender a process, and an advisory lock that
//! is held until the commit puts the commits of all processes into one order. The store knows no
//! projection; it keeps rows, not read models.

mod apart;
mod arguments;
mod batch;
mod browse;
mod checkpoints;
mod columns;
mod commands;
mod commit;
mod committer;
mod connection;
mod definitions;
mod error;
mod event_row;
mod examine;
mod hooks;
mod import;
mod indexes;
mod insert;
mod judge;
mod judged_append;
mod lent;
mod line;
mod link;
mod listen;
mod log;
mod looks;
mod measure;
mod migrate;
mod numeric;
mod options;
mod pipeline;
mod portion;
mod pulse;
mod read;
mod restore;
mod schemas;
mod session;
mod session_state;
mod snapshots;
mod statements;
mod steps;
mod store;
mod table_sql;
mod tables;
mod tls;
mod transaction;
mod url;
mod value;
mod writer;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use annals_core::store::{Append, Appended, StoreError, StoreMark, WakeupSender};
use committer::Committer;
use connection::Connector;
use listen::{Growth, Live};
use session::Session;
use writer::{Appending, Writer};

pub use options::{PgOptions, Roots, Tls};
pub use tokio_postgres;

/// How long closing waits for what is under way.
const CLOSE_LIMIT: Duration = Duration::from_secs(60);

/// A store in one schema of a PostgreSQL database. Cloning is cheap; all clones share the appender.
///
/// Any number of processes may use the same schema. [`close`](Self::close) waits for what is queued.
///
/// ```no_run
/// use annals_core::store::EventStore;
/// use annals_store_pg::PgStore;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let store = PgStore::connect("postgres://bank@localhost/bank?schema=accounts").await?;
/// println!("the log has {} events", store.head().await?);
/// store.close().await;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct PgStore {
    inner: Arc<Inner>,
}

struct Inner {
    connector: Arc<Connector>,
    /// `None` once the store is closed.
    writer: Mutex<Option<Writer>>,
    appending: Mutex<Option<Appending>>,
    /// Imports take turns on a connection of their own.
    importer: tokio::sync::Mutex<Committer>,
    growth: Growth,
    live: Mutex<Option<Live>>,
}

impl PgStore {
    /// Connects with what a URL says; [`PgOptions::parse`] explains it.
    ///
    /// # Errors
    /// As [`connect_with`](Self::connect_with).
    pub async fn connect(url: &str) -> Result<Self, StoreError> {
        Self::connect_with(PgOptions::parse(url)?).await
    }

    /// Connects and brings the schema to the newest version.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the server cannot be reached in time, [`StoreError::Denied`]
    /// when it does not let the user in or has no such database, [`StoreError::Newer`] when a newer version made the schema,
    /// [`StoreError::Corrupt`] when its migrations are not those of this program,
    /// [`StoreError::Invalid`] when options do not fit, or the schema is behind and may not be
    /// migrated, [`StoreError::ReadOnly`] when the role may not make the schema or the server is a
    /// standby.
    pub async fn connect_with(options: PgOptions) -> Result<Self, StoreError> {
        let migrating = options.migrate;
        let connector = Arc::new(Connector::new(options)?);
        let client = connector.own_patiently().await?;
        let link = connector.link(&client);
        if migrating {
            migrate::migrate(link).await?;
        } else {
            let limit = connector.options.statement_timeout;
            tokio::time::timeout(limit, migrate::verify(link))
                .await
                .unwrap_or_else(|_| Err(connector.silent(limit)))?;
        }
        let growth = Growth::default();
        let (writer, appending) = Writer::start(connector.clone(), growth.clone());
        let live = Live::start(&connector, &growth);
        let importer = Committer::of_imports(connector.clone(), growth.clone());
        Ok(Self {
            inner: Arc::new(Inner {
                connector,
                writer: Mutex::new(Some(writer)),
                appending: Mutex::new(Some(appending)),
                importer: tokio::sync::Mutex::new(importer),
                growth,
                live: Mutex::new(Some(live)),
            }),
        })
    }

    /// Appends inside a transaction of one's own, as the last thing before its commit: from here to
    /// there nobody else can append. It must be `READ COMMITTED`, as transactions are unless somebody
    /// says otherwise. The hooks of the append do not run, and nobody is woken:
    /// subscriptions notice when they poll.
    ///
    /// ```no_run
    /// # use annals_core::store::Append;
    /// # use annals_store_pg::{PgStore, tokio_postgres};
    /// # async fn example(
    /// #     store: PgStore,
    /// #     client: &mut tokio_postgres::Client,
    /// #     append: Append,
    /// # ) -> Result<(), Box<dyn std::error::Error>> {
    /// let transaction = client.transaction().await?;
    /// transaction.execute("INSERT INTO invoices DEFAULT VALUES", &[]).await?;
    /// store.append_within(&transaction, append).await?;
    /// transaction.commit().await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As an append of the store; [`StoreError::Invalid`] in a transaction of another isolation. After
    /// an error that the database reported, the transaction can only be rolled back.
    pub async fn append_within(
        &self,
        transaction: &tokio_postgres::Transaction<'_>,
        append: Append,
    ) -> Result<Appended, StoreError> {
        append.check()?;
        let session = Session { client: transaction.client(), prepared: None };
        let link = self.connector().link_by(session);
        let (appended, _) = judged_append::append_in(link, &append, None).await?;
        Ok(appended)
    }

    /// Lets nothing more in, waits until what is queued is written, and closes the connections.
    /// Calls on any clone fail with [`StoreError::Closed`] from now on. What the server has not
    /// answered after a minute is given up: its callers get [`StoreError::OutcomeUnknown`]. An append
    /// that nobody polls is not waited for.
    pub async fn close(&self) {
        self.inner.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
        let appending = self.inner.appending.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(appending) = appending {
            appending.close(CLOSE_LIMIT).await;
        }
        match tokio::time::timeout(CLOSE_LIMIT, self.importer()).await {
            Ok(importer) => importer.disconnect(),
            Err(_) => tracing::warn!("an import goes on beyond the end of its store"),
        }
        self.inner.live.lock().unwrap_or_else(PoisonError::into_inner).take();
        self.inner.connector.close();
    }

    fn writer(&self) -> Result<Writer, StoreError> {
        let writer = self.inner.writer.lock().unwrap_or_else(PoisonError::into_inner);
        writer.clone().ok_or(StoreError::Closed)
    }

    async fn importer(&self) -> tokio::sync::MutexGuard<'_, Committer> {
        self.inner.importer.lock().await
    }

    fn growth(&self) -> &Growth {
        &self.inner.growth
    }

    fn connector(&self) -> &Connector {
        &self.inner.connector
    }

    /// What the calls of a transaction's own work are known by.
    fn mark(&self) -> StoreMark {
        StoreMark::of(self.connector())
    }

    fn wakeup_sender(&self) -> &WakeupSender {
        &self.inner.growth.here
    }
}

impl fmt::Debug for PgStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PgStore")
            .field("place", &self.inner.connector.place)
            .finish_non_exhaustive()
    }
}
