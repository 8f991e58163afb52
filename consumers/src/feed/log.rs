//! The log as one partition sees it: history in pages of its own, read one ahead, and then what the
//! process's one tail brings, with no gap and no duplicate at the seam.

use std::future::pending;
use std::sync::Arc;

use annals_core::Position;
use annals_core::store::{EventLog, LogFilter, LogPage, LogQuery, StoreError};
use tokio::task::JoinHandle;

use crate::tail::{Follower, Found, Tail};

pub(crate) struct LogFeed {
    log: Arc<dyn EventLog>,
    tail: Arc<Tail>,
    filter: LogFilter,
    limit: usize,
    after: Position,
    up_to: Position,
    /// The next page of history, on a task of its own: a future that is only polled now and then may be
    /// given its turn at a lock and never use it.
    ahead: Option<JoinHandle<Result<LogPage, StoreError>>>,
    follower: Option<Follower>,
    /// Read, but not handed out yet.
    ready: Option<LogPage>,
}

impl LogFeed {
    pub(crate) fn new(
        log: Arc<dyn EventLog>,
        tail: Arc<Tail>,
        filter: LogFilter,
        limit: usize,
        (after, up_to): (Position, Position),
    ) -> Self {
        Self { log, tail, filter, limit, after, up_to, ahead: None, follower: None, ready: None }
    }

    /// Goes on from another position.
    pub(crate) fn seek(&mut self, after: Position) {
        if self.after != after {
            self.after = after;
            (self.ahead, self.ready) = (None, None);
        }
    }

    /// Begins at a position as if nothing had been read: the end of the log is said again.
    pub(crate) fn restart(&mut self, after: Position) {
        self.after = after;
        (self.ahead, self.ready, self.follower) = (None, None, None);
    }

    /// The next page; one without events that ends at the head says that the end has been reached.
    /// Cancel safe.
    ///
    /// # Errors
    /// [`StoreError`]; calling again goes on from the same position.
    pub(crate) async fn next(&mut self) -> Result<LogPage, StoreError> {
        loop {
            if let Some(page) = self.ready.take() {
                return Ok(page);
            }
            if self.after >= self.up_to {
                return pending().await;
            }
            let Some(follower) = &mut self.follower else {
                self.read().await?;
                continue;
            };
            match follower.after(self.after, self.up_to, &self.filter, self.limit) {
                Found::Page(page) => {
                    self.after = page.next;
                    return Ok(page);
                }
                Found::Nothing => follower.changed().await,
                Found::Failed(error) => {
                    // Whoever asks again waits for the next try.
                    self.follower = None;
                    return Err(error);
                }
                Found::Behind => self.follower = None,
            }
        }
    }

    async fn read(&mut self) -> Result<(), StoreError> {
        let query = self.query(self.after);
        let ahead = self.ahead.get_or_insert_with(|| start(&self.log, query));
        // It ends early only with its runtime.
        let read = ahead.await.map_err(|_| StoreError::Closed);
        self.ahead = None;
        let page = read??;
        page.check_after(self.after)?;
        let at_head = page.next >= page.head || page.next <= self.after;
        self.after = self.after.max(page.next);
        self.ready = Some(page);
        if at_head {
            self.follower = Some(self.tail.join(self.after));
        } else if self.after < self.up_to {
            self.ahead = Some(start(&self.log, self.query(self.after)));
            // Lets it begin also where the runtime has one thread.
            tokio::task::yield_now().await;
        }
        Ok(())
    }

    fn query(&self, after: Position) -> LogQuery {
        LogQuery::after(after).up_to(self.up_to).filter(self.filter.clone()).limit(self.limit)
    }

    /// A page between two positions, read from the log.
    pub(crate) async fn portion(
        &self,
        after: Position,
        up_to: Position,
        limit: usize,
    ) -> Result<LogPage, StoreError> {
        self.log.read_log(&self.query(after).up_to(up_to).limit(limit)).await
    }
}

fn start(log: &Arc<dyn EventLog>, query: LogQuery) -> JoinHandle<Result<LogPage, StoreError>> {
    let log = log.clone();
    tokio::spawn(async move { log.read_log(&query).await })
}
