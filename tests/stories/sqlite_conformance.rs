//! The SQLite store keeps every promise of a store.

use std::sync::Arc;

use annals::Clock;
use annals::store::{Operate, Store};
use annals::{SqliteOptions, SqliteStore};
use annals_testkit::Fixture;
use async_trait::async_trait;
use tempfile::TempDir;

/// A file in a directory that goes away with the fixture.
pub(crate) struct SqliteFixture {
    directory: TempDir,
}

impl SqliteFixture {
    pub(crate) fn new() -> Self {
        Self { directory: tempfile::tempdir().expect("a temporary directory") }
    }

    async fn at(&self, clock: Arc<dyn Clock>) -> Arc<SqliteStore> {
        let options = SqliteOptions::new(self.directory.path().join("store.db")).clock(clock);
        Arc::new(SqliteStore::open_with(options).await.expect("a fresh file opens"))
    }
}

#[async_trait]
impl Fixture for SqliteFixture {
    async fn open(&self, clock: Arc<dyn Clock>) -> Arc<dyn Store> {
        self.at(clock).await
    }

    async fn reopen(&self, clock: Arc<dyn Clock>) -> Option<Arc<dyn Store>> {
        Some(self.at(clock).await)
    }

    async fn operate(&self, clock: Arc<dyn Clock>) -> Option<Arc<dyn Operate>> {
        Some(self.at(clock).await)
    }
}

annals_testkit::conformance!(sqlite, SqliteFixture::new());

#[test]
fn the_store_matches_the_model() {
    crate::store_against_model::store_matches_the_model(|| Box::new(SqliteFixture::new()));
}
