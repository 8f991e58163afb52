//! A schema for one story.

use std::sync::Arc;

use annals::{PgOptions, PgStore};
use annals_tests::postgres::{Server, connect, drop_schema, fresh_schema, shared_url};
use tokio::sync::{Semaphore, SemaphorePermit};

/// How many stories use the shared server at once; each takes some of its connections.
static STORIES: Semaphore = Semaphore::const_new(6);

/// A schema of its own on a server. On the shared server it goes away in the end; the story's runtime
/// needs a second thread for that, which closes the connections of stores meanwhile.
pub(crate) struct Place {
    pub(crate) url: String,
    pub(crate) schema: String,
    shared: Option<SemaphorePermit<'static>>,
}

impl Place {
    /// On the server that ordinary stories share.
    pub(crate) async fn shared() -> Self {
        let turn = STORIES.acquire().await.expect("it is never closed");
        Self { url: shared_url().await, schema: fresh_schema(), shared: Some(turn) }
    }

    /// On a server of the story's own.
    pub(crate) fn on(server: &Server) -> Self {
        Self { url: server.url(), schema: fresh_schema(), shared: None }
    }

    /// The store here, as programs are told of it.
    pub(crate) fn store_url(&self) -> String {
        let separator = if self.url.contains('?') { '&' } else { '?' };
        format!("{}{separator}schema={}", self.url, self.schema)
    }

    pub(crate) fn options(&self) -> PgOptions {
        self.options_at(&self.url)
    }

    /// The same place by another way, as through a proxy.
    pub(crate) fn options_at(&self, url: &str) -> PgOptions {
        let options = PgOptions::parse(url).expect("the URL is ours");
        options.schema(&self.schema).expect("the name is plain").pool(6)
    }

    pub(crate) async fn store(&self) -> Arc<PgStore> {
        open(self.options()).await
    }

    /// A table's whole name.
    pub(crate) fn name(&self, table: &str) -> String {
        format!("{}.{table}", self.schema)
    }

    /// Begins a transaction that has the log locked, as one that has appended.
    pub(crate) async fn lock_log(&self, client: &tokio_postgres::Client) {
        let lock = include_str!("../../../store-pg/sql/statements/lock_log.sql");
        let sql = format!("BEGIN; {}", lock.replace("annals.", &self.name("")));
        client.batch_execute(&sql).await.expect("the log can be locked");
    }

    /// Plain SQL beside the store.
    pub(crate) async fn client(&self) -> tokio_postgres::Client {
        connect(&self.url).await
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.shared.is_some() {
            let dropped = drop_schema(&self.url, &self.schema);
            // A story that failed has said why already.
            assert!(dropped.is_ok() || std::thread::panicking(), "{}: {dropped:?}", self.schema);
        }
    }
}

/// Opens a store that must open.
pub(crate) async fn open(options: PgOptions) -> Arc<PgStore> {
    let place = options.place();
    let store = PgStore::connect_with(options).await;
    Arc::new(store.unwrap_or_else(|error| panic!("{place}: {error:?}")))
}
