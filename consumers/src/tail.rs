//! One reader of the end of the log for a whole process: a page that is read for one consumer serves
//! all that are near the end, and an idle process asks the database no more for fifty consumers than for
//! one.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use annals_core::store::{EventLog, LogFilter, LogPage, PageRoom, StoreError};
use annals_core::{Backoff, Position, RecordedEvent, Subscription};
use tokio::task::JoinHandle;

use crate::signal::Signal;

/// How many bytes of payloads are kept for those who have fallen a little behind.
const KEPT_BYTES: usize = 8 << 20;

/// How many pages.
const KEPT_PAGES: usize = 256;

/// The pauses while the log cannot be read.
pub(crate) const PAUSES: (Duration, Duration) = (Duration::from_millis(20), Duration::from_secs(1));

pub(crate) struct Tail {
    log: Arc<dyn EventLog>,
    page_events: usize,
    pauses: Backoff,
    kept: Mutex<Kept>,
    changed: Signal,
}

#[derive(Default)]
struct Kept {
    pages: VecDeque<Page>,
    bytes: usize,
    /// What follows this position is kept, up to `end`.
    start: Position,
    end: Position,
    head: Position,
    /// Why the log could not be read when that was last tried.
    failed: Option<StoreError>,
    followers: usize,
    reader: Option<JoinHandle<()>>,
}

struct Page {
    next: Position,
    bytes: usize,
    events: Vec<RecordedEvent>,
}

/// What the tail has for a follower.
pub(crate) enum Found {
    /// What follows.
    Page(LogPage),
    /// Nothing yet: wait until something changes.
    Nothing,
    /// What comes next is not kept any more: read it from the log.
    Behind,
    /// The log cannot be read.
    Failed(StoreError),
}

impl Tail {
    /// `pauses` are those while the log cannot be read.
    pub(crate) fn new(log: Arc<dyn EventLog>, page_events: usize, pauses: Backoff) -> Arc<Self> {
        let (kept, changed) = (Mutex::default(), Signal::default());
        Arc::new(Self { log, page_events, pauses, kept, changed })
    }

    /// Follows the end of the log from a position that is near it.
    pub(crate) fn join(self: &Arc<Self>, at: Position) -> Follower {
        let mut kept = self.kept();
        kept.followers += 1;
        if kept.reader.is_none() {
            (kept.start, kept.end, kept.head) = (at, at, at);
            kept.reader = Some(tokio::spawn(read(Arc::downgrade(self), self.log.clone(), at)));
        }
        Follower { tail: self.clone(), seen: self.changed.times() }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, page: LogPage) {
        let mut kept = self.kept();
        let bytes = page.events.iter().map(RecordedEvent::bytes).sum();
        (kept.end, kept.head, kept.failed) = (page.next, page.head, None);
        kept.bytes += bytes;
        kept.pages.push_back(Page { next: page.next, bytes, events: page.events });
        while (kept.bytes > KEPT_BYTES || kept.pages.len() > KEPT_PAGES)
            && kept.pages.len() > 1
            && let Some(oldest) = kept.pages.pop_front()
        {
            kept.bytes -= oldest.bytes;
            kept.start = oldest.next;
        }
        drop(kept);
        self.changed.send();
    }

    fn fail(&self, error: StoreError) {
        self.kept().failed = Some(error);
        self.changed.send();
    }
}

async fn read(tail: std::sync::Weak<Tail>, log: Arc<dyn EventLog>, at: Position) {
    let settings = tail.upgrade().map(|tail| (tail.page_events, tail.pauses.clone()));
    let Some((page_events, mut pauses)) = settings else { return };
    let mut subscription = Subscription::new(log, LogFilter::default(), at).page_size(page_events);
    loop {
        let read = subscription.next().await;
        let Some(tail) = tail.upgrade() else { return };
        match read {
            Ok(page) => {
                pauses.reset();
                tail.push(page);
            }
            Err(error) => {
                tail.fail(error);
                drop(tail);
                tokio::time::sleep(pauses.next_pause()).await;
            }
        }
    }
}

/// One of those who are served.
pub(crate) struct Follower {
    tail: Arc<Tail>,
    /// How many changes there had been when it looked last.
    seen: u64,
}

impl Follower {
    /// What follows a position.
    pub(crate) fn after(
        &mut self,
        position: Position,
        up_to: Position,
        filter: &LogFilter,
        limit: usize,
    ) -> Found {
        // Whatever changes after this is waited for.
        self.seen = self.tail.changed.times();
        let kept = self.tail.kept();
        if position < kept.start {
            return Found::Behind;
        }
        if position >= kept.end {
            return match &kept.failed {
                Some(error) => Found::Failed(error.clone()),
                None => Found::Nothing,
            };
        }
        let mut page = LogPage {
            events: Vec::new(),
            looked_at: 0,
            next: position,
            head: kept.head.max(kept.end),
        };
        let mut room = PageRoom::new(limit, annals_core::store::MAX_PAGE_BYTES);
        let first = kept.pages.partition_point(|page| page.next <= position);
        for part in kept.pages.iter().skip(first) {
            for event in part.events.iter().filter(|event| event.position > position) {
                if event.position > up_to {
                    page.next = up_to;
                    return Found::Page(page);
                }
                page.looked_at += 1;
                if filter.admits(event) {
                    page.events.push(event.clone());
                    if !room.take(event) {
                        page.next = event.position;
                        return Found::Page(page);
                    }
                }
            }
            page.next = part.next.min(up_to);
        }
        Found::Page(page)
    }

    /// Waits until there may be more. Cancel safe.
    pub(crate) async fn changed(&self) {
        self.tail.changed.beyond(self.seen).await;
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        let mut kept = self.tail.kept();
        kept.followers -= 1;
        if kept.followers == 0 {
            if let Some(reader) = kept.reader.take() {
                reader.abort();
            }
            *kept = Kept::default();
        }
    }
}
