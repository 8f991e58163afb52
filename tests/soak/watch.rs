//! A subscription that is open all the while, through every restart of the server.

use std::sync::Arc;
use std::time::Duration;

use annals::store::{EventStore, LogFilter, StoreError};
use annals::{EventId, PgStore, Position, Subscription};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::Outcome;

/// How long it waits after an error before it reads again.
const PAUSE: Duration = Duration::from_millis(50);

/// How long it may take to see the end, once nobody writes any more.
const PATIENCE: Duration = Duration::from_secs(120);

/// A subscription that notes what it was given, in order.
pub(crate) struct Watcher {
    up_to: watch::Sender<Option<Position>>,
    task: JoinHandle<Result<Vec<EventId>, StoreError>>,
}

impl Watcher {
    pub(crate) async fn start(url: &str) -> Outcome<Self> {
        let store = PgStore::connect(url).await?;
        let (up_to, end) = watch::channel(None);
        Ok(Self { up_to, task: tokio::spawn(watch_log(store, end)) })
    }

    /// Waits until it has seen the end. What it saw: the id at place `n` was delivered as the
    /// event at position `n + 1`.
    pub(crate) async fn stop(self, url: &str) -> Outcome<Vec<EventId>> {
        let head = PgStore::connect(url).await?.head().await?;
        self.up_to.send_replace(Some(head));
        Ok(tokio::time::timeout(PATIENCE, self.task).await???)
    }
}

async fn watch_log(
    store: PgStore,
    mut end: watch::Receiver<Option<Position>>,
) -> Result<Vec<EventId>, StoreError> {
    let mut subscription =
        Subscription::new(Arc::new(store), LogFilter::default(), Position::START);
    let mut seen = Vec::new();
    loop {
        if end.borrow_and_update().is_some_and(|end| subscription.position() >= end) {
            return Ok(seen);
        }
        let page = tokio::select! {
            page = subscription.next() => page,
            // Nothing more is written: look whether this was all.
            Ok(()) = end.changed() => continue,
        };
        match page {
            Ok(page) => {
                for event in page.events {
                    seen.push(event.id);
                    let expected = Position::new(seen.len() as u64);
                    assert_eq!(event.position, expected, "nothing is skipped, nothing comes twice");
                }
            }
            Err(error) if error.is_transient() => tokio::time::sleep(PAUSE).await,
            Err(error) => return Err(error),
        }
    }
}
