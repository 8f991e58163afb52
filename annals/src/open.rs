//! From a URL to a store.

use std::sync::Arc;

use annals_core::MemoryStore;
use annals_core::store::{Store, StoreError};

/// Opens the store a URL names: `memory:`, `sqlite://path` with the feature `sqlite`, or
/// `postgres://host/database` with the feature `postgres`.
///
/// # Errors
/// [`StoreError::Invalid`] for a URL that names no store, or what the store runs into.
pub async fn open_store(url: &str) -> Result<Arc<dyn Store>, StoreError> {
    if url == "memory:" {
        return Ok(Arc::new(MemoryStore::default()));
    }
    #[cfg(feature = "sqlite")]
    if url.starts_with("sqlite:") {
        let options = annals_store_sqlite::SqliteOptions::parse(url)?;
        return Ok(Arc::new(annals_store_sqlite::SqliteStore::open_with(options).await?));
    }
    #[cfg(feature = "postgres")]
    if url.starts_with("postgres:") || url.starts_with("postgresql:") {
        return Ok(Arc::new(annals_store_pg::PgStore::connect(url).await?));
    }
    let scheme = url.split(':').next().unwrap_or(url);
    Err(StoreError::Invalid {
        why: format!(
            "no store is known for `{scheme}:`: write `memory:`, `sqlite://path` with the feature \
             `sqlite`, or `postgres://host/database` with the feature `postgres`"
        ),
    })
}
