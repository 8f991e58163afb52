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
    if matches!(url, "memory" | "memory:" | "memory://") {
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
    // Nothing else of it is shown: a password may stand anywhere.
    let scheme = url.split_once(':').map(|(scheme, _)| scheme).filter(|scheme| {
        !scheme.is_empty() && scheme.len() < 20 && scheme.bytes().all(|b| b.is_ascii_lowercase())
    });
    let what = scheme.map_or("what does not begin with a name and `:`".to_owned(), |scheme| {
        format!("`{scheme}:`")
    });
    Err(StoreError::Invalid {
        why: format!(
            "no store is known for {what}: write `memory:`, `sqlite://path` with the feature \
             `sqlite`, or `postgres://host/database` with the feature `postgres`"
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_address_is_not_shown_in_errors() {
        for url in [
            "host=127.0.0.1 user=u password=hunter2",
            "host=127.0.0.1 password=hunter2:3",
            "hunter2",
            "mysql://u:hunter2@host/db",
        ] {
            let error = open_store(url).await.map(drop).expect_err("there is no such store");
            assert!(!error.to_string().contains("hunter2"), "{error}");
        }
        let error = open_store("mysql://host/db").await.map(drop).expect_err("no such store");
        assert!(error.to_string().contains("`mysql:`"), "{error}");
    }

    #[tokio::test]
    async fn the_memory_needs_no_colon() {
        for url in ["memory", "memory:", "memory://"] {
            assert!(open_store(url).await.is_ok(), "{url}");
        }
    }
}
