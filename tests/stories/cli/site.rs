//! Where a story about the command takes place: on every kind of database, in stores that were just made.

use std::future::Future;
use std::sync::Arc;

use annals::store::Store;
use annals::{PgStore, SqliteStore};
use annals_tests::postgres::{drop_schema, fresh_schema};
use tempfile::TempDir;

use super::command::annals;
use crate::postgres::place::Place;

/// A store that the command is told of.
pub(super) enum Site {
    Sqlite(TempDir),
    Postgres(Place),
    /// A second store on the same server, which takes no turn of its own.
    Beside(Beside),
}

/// A schema that goes away in the end.
pub(super) struct Beside {
    url: String,
    schema: String,
}

impl Drop for Beside {
    fn drop(&mut self) {
        let dropped = drop_schema(&self.url, &self.schema);
        assert!(dropped.is_ok() || std::thread::panicking(), "{}: {dropped:?}", self.schema);
    }
}

impl Site {
    /// Plays a story on each kind of database.
    pub(super) async fn each<F: Future<Output = ()>>(story: impl Fn(Site) -> F) {
        story(Self::sqlite()).await;
        story(Self::postgres().await).await;
    }

    pub(super) fn sqlite() -> Self {
        Self::Sqlite(tempfile::tempdir().expect("there is room"))
    }

    pub(super) async fn postgres() -> Self {
        Self::Postgres(Place::shared().await)
    }

    /// Another of the same kind.
    pub(super) fn another(&self) -> Self {
        match self {
            Self::Sqlite(_) => Self::sqlite(),
            Self::Postgres(Place { url, .. }) | Self::Beside(Beside { url, .. }) => {
                Self::Beside(Beside { url: url.clone(), schema: fresh_schema() })
            }
        }
    }

    /// What `--store` takes.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Sqlite(directory) => format!("sqlite://{}/story.db", directory.path().display()),
            Self::Postgres(Place { url, schema, .. }) | Self::Beside(Beside { url, schema }) => {
                let separator = if url.contains('?') { '&' } else { '?' };
                format!("{url}{separator}schema={schema}")
            }
        }
    }

    /// The same with its tables.
    pub(super) fn made(self) -> Self {
        annals(&self.name(), &["migrate"]).ok();
        self
    }

    /// The store, as a program has it.
    pub(super) async fn store(&self) -> Arc<dyn Store> {
        match self {
            Self::Sqlite(directory) => {
                let opened = SqliteStore::open(directory.path().join("story.db")).await;
                Arc::new(opened.expect("it opens"))
            }
            Self::Postgres(_) | Self::Beside(_) => {
                Arc::new(PgStore::connect(&self.name()).await.expect("it opens"))
            }
        }
    }
}
