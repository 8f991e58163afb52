//! Working through history in large batches, reading one page ahead.

use std::sync::Arc;

use annals_core::Position;
use annals_core::store::{LogPage, LogQuery, Store, StoreError};
use tokio::task::JoinHandle;

use super::cursor::Cursor;
use crate::error::ProjectionError;

/// Pages of the log, the next one being read while the last one is worked on.
struct ReadAhead {
    store: Arc<dyn Store>,
    query: LogQuery,
    next: JoinHandle<Result<LogPage, StoreError>>,
}

impl ReadAhead {
    fn start(store: Arc<dyn Store>, query: LogQuery) -> Self {
        let next = read(store.clone(), query.clone());
        Self { store, query, next }
    }

    async fn next(&mut self) -> Result<LogPage, StoreError> {
        let page = (&mut self.next).await.map_err(|_| StoreError::Closed)??;
        self.query.after = page.next;
        self.next = read(self.store.clone(), self.query.clone());
        Ok(page)
    }
}

impl Drop for ReadAhead {
    fn drop(&mut self) {
        self.next.abort();
    }
}

fn read(store: Arc<dyn Store>, query: LogQuery) -> JoinHandle<Result<LogPage, StoreError>> {
    tokio::spawn(async move { store.read_log(&query).await })
}

/// Why catching up ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CaughtUp {
    /// The end of the log was reached.
    AtHead,
    /// The caller said stop.
    Stopped,
}

impl Cursor {
    /// Folds and commits until the end of the log, or until `on_batch` says stop. It sees how far
    /// things are after every page.
    pub(crate) async fn catch_up(
        &mut self,
        mut on_page: impl FnMut(&Self, Position) -> bool + Send,
    ) -> Result<CaughtUp, ProjectionError> {
        let query = LogQuery::after(self.folded)
            .filter(self.shared.definition.filter())
            .limit(self.shared.options.page_events);
        let mut pages = ReadAhead::start(self.shared.store().clone(), query);
        loop {
            let page = pages.next().await?;
            let head = page.head;
            let moved = page.next > self.folded;
            if moved {
                self.fold(page).await?;
            }
            let at_head = !moved || self.folded >= head;
            if at_head || self.is_full().await {
                self.commit().await?;
            }
            if !on_page(self, head) {
                self.commit().await?;
                return Ok(CaughtUp::Stopped);
            }
            if at_head {
                return Ok(CaughtUp::AtHead);
            }
        }
    }
}
