//! Working through history in large batches, reading one page ahead.

use std::sync::Arc;

use annals_core::__private::Started;
use annals_core::Position;
use annals_core::store::{LogPage, LogQuery, Store, StoreError};

use super::cursor::Cursor;
use crate::error::ProjectionError;

/// Pages of the log, the next one being read while the last one is worked on.
struct ReadAhead {
    store: Arc<dyn Store>,
    query: LogQuery,
    next: Option<Started<LogPage>>,
}

impl ReadAhead {
    fn new(store: Arc<dyn Store>, query: LogQuery) -> Self {
        Self { store, query, next: None }
    }

    async fn next(&mut self) -> Result<LogPage, StoreError> {
        let page = match self.next.take() {
            Some(next) => next.finish().await?,
            None => self.store.read_log(&self.query).await?,
        };
        page.check_after(self.query.after)?;
        self.query.after = page.next;
        let (store, query) = (self.store.clone(), self.query.clone());
        self.next = Some(Started::new(async move { store.read_log(&query).await }).await);
        Ok(page)
    }
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
        let mut pages = ReadAhead::new(self.shared.store().clone(), query);
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
