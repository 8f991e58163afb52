//! Working through history in large batches, reading one page ahead.

use std::sync::Arc;

use annals_core::__private::SpawnedRead;
use annals_core::Position;
use annals_core::store::{EventLog, LogPage, LogQuery, StoreError};

use super::cursor::Cursor;
use crate::error::ProjectionError;

/// Pages of the log, the next one being read while the last one is worked on.
struct ReadAhead {
    log: Arc<dyn EventLog>,
    query: LogQuery,
    next: Option<SpawnedRead<LogPage>>,
}

impl ReadAhead {
    fn new(log: Arc<dyn EventLog>, query: LogQuery) -> Self {
        Self { log, query, next: None }
    }

    async fn next(&mut self) -> Result<LogPage, StoreError> {
        let page = match self.next.take() {
            Some(next) => next.finish().await?,
            None => self.log.read_log(&self.query).await?,
        };
        page.check_after(self.query.after)?;
        self.query.after = page.next;
        let (log, query) = (self.log.clone(), self.query.clone());
        self.next = Some(SpawnedRead::new(async move { log.read_log(&query).await }).await);
        Ok(page)
    }
}

/// Why catching up ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CaughtUp {
    /// The end of the log was reached.
    AtHead,
    /// It was time to stop.
    Stopped,
}

impl Cursor {
    /// Folds and commits until the end of the log, or until it is time to stop. `on_page` sees how
    /// far things are after every page.
    pub(crate) async fn catch_up(
        &mut self,
        mut on_page: impl FnMut(&Self, Position) + Send,
    ) -> Result<CaughtUp, ProjectionError> {
        let mut pages = self.pages();
        loop {
            let page = pages.next().await?;
            let (head, next) = (page.head, page.next);
            let moved = next > self.folded;
            let at_head = !moved || next >= head;
            if let Err(error) = self.take(page, at_head).await {
                self.recover(error, next).await?;
                pages = self.pages();
                continue;
            }
            if self.stop.is_set() {
                self.commit().await?;
                on_page(self, head);
                return Ok(CaughtUp::Stopped);
            }
            on_page(self, head);
            if at_head {
                return Ok(CaughtUp::AtHead);
            }
        }
    }

    fn pages(&self) -> ReadAhead {
        let query = LogQuery::after(self.folded)
            .filter(self.shared.definition.filter())
            .limit(self.shared.options.page_events);
        ReadAhead::new(self.shared.log().clone(), query)
    }

    /// Folds a page, and commits when it is the last or the batch is full.
    async fn take(&mut self, page: LogPage, last: bool) -> Result<(), ProjectionError> {
        if page.next > self.folded {
            self.fold(page).await?;
        }
        if last || self.is_full().await {
            self.commit().await?;
        }
        Ok(())
    }
}
