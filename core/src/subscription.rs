//! A cursor over the log: catch-up, then live, with no gap and no duplicate at the seam.

use std::sync::Arc;
use std::time::Duration;

use crate::names::Position;
use crate::store::{LogFilter, LogPage, LogQuery, MAX_PAGE, Store, StoreError, Wakeups};

/// How long a subscription waits at first before it looks without having been woken.
const FIRST_POLL: Duration = Duration::from_millis(5);

/// How long it waits at the most, after nothing has come for a while.
const LAST_POLL: Duration = Duration::from_millis(200);

/// A cursor over the log.
///
/// Catching up and being live are the same loop: read what follows the cursor, and when there is
/// nothing, wait for a hint or for a growing interval to pass. A lost hint costs latency only.
pub struct Subscription {
    store: Arc<dyn Store>,
    filter: LogFilter,
    position: Position,
    page: usize,
    wakeups: Wakeups,
}

impl Subscription {
    /// A cursor that begins after `position`.
    pub fn new(store: Arc<dyn Store>, filter: LogFilter, position: Position) -> Self {
        let wakeups = store.wakeups();
        Self { store, filter, position, page: MAX_PAGE, wakeups }
    }

    /// Reads at most so many events at a time, 1 to [`MAX_PAGE`].
    #[must_use]
    pub fn page_size(mut self, events: usize) -> Self {
        self.page = events.clamp(1, MAX_PAGE);
        self
    }

    /// Everything up to here has been handed out or was not wanted.
    pub fn position(&self) -> Position {
        self.position
    }

    /// The next page: at once while there is something, otherwise when something comes. A page
    /// without events means that the log grew by events the filter does not admit.
    ///
    /// Cancel safe: the cursor moves only when a page is returned.
    ///
    /// # Errors
    /// [`StoreError`]; the cursor stays, and calling again goes on from it.
    /// [`StoreError::HistoryWentBack`] when the log ends before the cursor.
    pub async fn next(&mut self) -> Result<LogPage, StoreError> {
        let mut poll = FIRST_POLL;
        loop {
            let page = self.read().await?;
            if page.next > self.position {
                self.position = page.next;
                return Ok(page);
            }
            self.wakeups.beyond(self.position, poll).await;
            poll = (poll * 2).min(LAST_POLL);
        }
    }

    /// The next page if there is one now.
    ///
    /// # Errors
    /// As [`next`](Self::next).
    pub async fn try_next(&mut self) -> Result<Option<LogPage>, StoreError> {
        let page = self.read().await?;
        let moved = page.next > self.position;
        self.position = self.position.max(page.next);
        Ok(moved.then_some(page))
    }

    async fn read(&self) -> Result<LogPage, StoreError> {
        let query = LogQuery::after(self.position).filter(self.filter.clone()).limit(self.page);
        let page = self.store.read_log(&query).await?;
        page.check_after(self.position)?;
        Ok(page)
    }
}
