//! A cursor over the log: catch-up, then live, with no gap and no duplicate at the seam.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::names::Position;
use crate::store::{EventLog, LogFilter, LogPage, LogQuery, MAX_PAGE, StoreError, Wakeups};

/// How long a subscription waits at first before it looks without having been woken.
const FIRST_POLL: Duration = Duration::from_millis(5);

/// How long it waits at the most after nothing has come for a while, where hints come from every
/// process: it bounds what a lost hint costs.
const LAST_POLL: Duration = Duration::from_secs(1);

/// The same where other processes' appends are found by looking only.
const LAST_BLIND_POLL: Duration = Duration::from_millis(200);

/// A cursor over the log.
///
/// Catching up and being live are the same loop: read what follows the cursor, and when there is
/// nothing, wait for a hint or for a growing interval to pass. A lost hint costs latency only.
pub struct Subscription {
    log: Arc<dyn EventLog>,
    filter: LogFilter,
    position: Position,
    page: usize,
    wakeups: Wakeups,
    /// How long it waits next time.
    poll: Duration,
    /// When it looks without a hint, or at once. It stays when the waiting is cancelled.
    look_at: Option<Instant>,
}

impl Subscription {
    /// A cursor that begins after `position`.
    pub fn new(log: Arc<dyn EventLog>, filter: LogFilter, position: Position) -> Self {
        let wakeups = log.wakeups();
        let (poll, look_at) = (FIRST_POLL, None);
        Self { log, filter, position, page: MAX_PAGE, wakeups, poll, look_at }
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
    /// Cancel safe: the cursor moves only when a page is returned, and whoever calls again goes on
    /// waiting where it was.
    ///
    /// # Errors
    /// [`StoreError`]; the cursor stays, and calling again goes on from it.
    /// [`StoreError::HistoryWentBack`] when the log ends before the cursor.
    pub async fn next(&mut self) -> Result<LogPage, StoreError> {
        loop {
            if let Some(look_at) = self.look_at {
                let at_most = look_at.saturating_duration_since(Instant::now());
                self.wakeups.beyond(self.position, at_most).await;
            }
            let known = self.wakeups.known();
            let page = self.read().await?;
            if page.next > self.position {
                self.position = page.next;
                (self.poll, self.look_at) = (FIRST_POLL, None);
                return Ok(page);
            }
            self.wakeups.correct(known, page.head);
            self.look_at = Some(Instant::now() + self.poll);
            let last = if self.wakeups.come_from_all() { LAST_POLL } else { LAST_BLIND_POLL };
            self.poll = (self.poll * 2).min(last);
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
        let page = self.log.read_log(&query).await?;
        page.check_after(self.position)?;
        Ok(page)
    }
}
