//! The appender: collects the appends that are waiting and commits them together. An append that is
//! alone is committed by its caller, which saves two changes of task.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use annals_core::Position;
use annals_core::store::{Append, Appended, StoreError};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::sync::{mpsc, oneshot};
use tokio::task::{AbortHandle, yield_now};

use crate::batch::Wanted;
use crate::committer::Committer;
use crate::connection::Connector;
use crate::error::{STORE, lost_inside};
use crate::listen::Growth;
use crate::measure::measure;

/// How many appends share a commit at the most: it bounds how long the first of them waits.
const MAX_BATCH: usize = 256;

/// How many events share a commit at the most, unless one append has more.
const MAX_BATCH_EVENTS: usize = 2_000;

/// How many bytes of events share a commit at the most, unless one append has more.
pub(crate) const MAX_BATCH_BYTES: usize = 16 << 20;

/// From how many events on, and how many an append, the next batch is sent while the last is being
/// committed: the server has something to do while those who were set free make their next events.
/// Smaller batches share the disk instead.
const MANY_EVENTS: usize = 40;
const MANY_EVENTS_AN_APPEND: usize = 4;

/// How many batches are under way at the most.
const MAX_UNDER_WAY: usize = 2;

/// An append in the queue.
struct Waiting {
    wanted: Wanted,
    reply: Reply,
}

type Reply = oneshot::Sender<Result<Appended, StoreError>>;

/// The way to the appender. When the last one is dropped, it finishes what is queued and ends.
#[derive(Clone)]
pub(crate) struct Writer {
    queue: mpsc::Sender<Waiting>,
    committer: Arc<Committer>,
    connector: Arc<Connector>,
    growth: Growth,
    /// How many appends have come and are not finished.
    present: Arc<AtomicUsize>,
}

/// Counts an append for as long as it is under way.
struct Presence<'w>(&'w AtomicUsize);

impl<'w> Presence<'w> {
    fn of(present: &'w AtomicUsize) -> Self {
        present.fetch_add(1, Ordering::Relaxed);
        Self(present)
    }

    fn is_alone(&self) -> bool {
        self.0.load(Ordering::Relaxed) == 1
    }
}

impl Drop for Presence<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The store's end of the appender.
pub(crate) struct Appending {
    /// Sending, or dropping it, lets nothing more in.
    close: oneshot::Sender<()>,
    ended: oneshot::Receiver<()>,
    task: AbortHandle,
}

impl Appending {
    /// Lets nothing more in, and waits until what is queued is written. What is not by then is given
    /// up, and its callers are told that they do not know.
    pub(crate) async fn close(self, limit: Duration) {
        // An error means that the task is gone already.
        let _ = self.close.send(());
        if tokio::time::timeout(limit, self.ended).await.is_err() {
            tracing::warn!(?limit, "appends that were queued are given up");
            self.task.abort();
        }
    }
}

impl Writer {
    /// Starts the appender.
    pub(crate) fn start(connector: Arc<Connector>, growth: Growth) -> (Self, Appending) {
        let (queue, waiting) = mpsc::channel(connector.options.queue);
        let (close, closing) = oneshot::channel();
        let (end, ended) = oneshot::channel();
        let committer = Arc::new(Committer::new(connector.clone(), growth.clone()));
        let writer = Self {
            queue,
            committer: committer.clone(),
            connector,
            growth: growth.clone(),
            present: Arc::default(),
        };
        let task = tokio::spawn(async move {
            run(committer, waiting, closing, growth).await;
            // Nobody listens unless the store is being closed.
            let _ = end.send(());
        });
        (writer, Appending { close, ended, task: task.abort_handle() })
    }

    /// Queues an append and waits until it is durable. Whoever does not poll this future holds nobody
    /// else up: what it sends is one statement, whose answer waits for it.
    pub(crate) async fn append(&self, append: Append) -> Result<Appended, StoreError> {
        let presence = Presence::of(&self.present);
        let options = &self.connector.options;
        let mut wanted = Wanted::new(append);
        // Whatever else is ready to append, in this task too, comes in first.
        yield_now().await;
        if presence.is_alone() {
            let begun = Instant::now();
            match self.committer.commit_alone(wanted).await {
                Ok(result) => {
                    measure(std::slice::from_ref(&result), begun.elapsed());
                    let at = result.as_ref().map_or(Position::START, |done| done.position);
                    self.growth.grown(at);
                    return result;
                }
                Err(again) => wanted = again,
            }
        }
        let unknown = wanted.unknown;
        let (reply, result) = oneshot::channel();
        let waiting = Waiting { wanted, reply };
        if let Err(refused) = self.queue.send_timeout(waiting, options.queue_timeout).await {
            let error = match refused {
                mpsc::error::SendTimeoutError::Timeout(_) => {
                    StoreError::Overloaded { store: STORE, limit: options.queue, option: "queue" }
                }
                mpsc::error::SendTimeoutError::Closed(_) => StoreError::Closed,
            };
            // The first try may have written it all the same.
            return Err(match unknown {
                true => StoreError::OutcomeUnknown { source: Arc::new(error) },
                false => error,
            });
        }
        result.await.unwrap_or_else(|_| Err(lost_inside("the appender")))
    }
}

async fn run(
    committer: Arc<Committer>,
    mut queue: mpsc::Receiver<Waiting>,
    closing: oneshot::Receiver<()>,
    growth: Growth,
) {
    let mut closing = pin!(closing);
    let mut is_closing = false;
    let mut under_way = FuturesUnordered::new();
    let mut is_room = true;
    loop {
        let first = tokio::select! {
            biased;
            Some(()) = under_way.next(), if !under_way.is_empty() => {
                is_room = true;
                continue;
            }
            first = queue.recv(), if is_room => first,
            _ = &mut closing, if !is_closing => {
                is_closing = true;
                queue.close();
                continue;
            }
        };
        let Some(first) = first else { break };
        let batch = collect(first, &mut queue).await;
        is_room = batch.is_large() && under_way.len() + 1 < MAX_UNDER_WAY;
        under_way.push(batch.commit(&committer, &growth));
    }
    while under_way.next().await.is_some() {}
    committer.disconnect();
}

/// What shares a commit.
struct Batch {
    wanted: Vec<Wanted>,
    replies: Vec<Reply>,
    events: usize,
    bytes: usize,
}

/// Those whom the last batch has set free come back one by one: letting them in for as long as they
/// come makes one commit of two.
async fn collect(first: Waiting, queue: &mut mpsc::Receiver<Waiting>) -> Batch {
    let mut batch = Batch { wanted: Vec::new(), replies: Vec::new(), events: 0, bytes: 0 };
    batch.push(first);
    let mut coming = true;
    while coming {
        yield_now().await;
        coming = false;
        while !batch.is_full()
            && let Ok(next) = queue.try_recv()
        {
            batch.push(next);
            coming = true;
        }
    }
    batch
}

impl Batch {
    fn push(&mut self, waiting: Waiting) {
        self.events += waiting.wanted.append.event_count();
        self.bytes += waiting.wanted.bytes;
        self.wanted.push(waiting.wanted);
        self.replies.push(waiting.reply);
    }

    fn is_full(&self) -> bool {
        self.wanted.len() >= MAX_BATCH
            || self.events >= MAX_BATCH_EVENTS
            || self.bytes >= MAX_BATCH_BYTES
    }

    fn is_large(&self) -> bool {
        self.events >= MANY_EVENTS && self.events >= self.wanted.len() * MANY_EVENTS_AN_APPEND
    }

    /// Commits and tells everybody, those who wait for events first.
    async fn commit(mut self, committer: &Committer, growth: &Growth) {
        let begun = Instant::now();
        let results = committer.commit(&mut self.wanted).await;
        measure(&results, begun.elapsed());
        let last = results.iter().flatten().map(|appended| appended.position).max();
        growth.grown(last.unwrap_or(Position::START));
        for (reply, result) in self.replies.into_iter().zip(results) {
            // Nobody waits any more when the caller dropped its future.
            let _ = reply.send(result);
        }
    }
}
