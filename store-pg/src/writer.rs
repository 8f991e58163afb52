//! The appender: collects the appends that are waiting and commits them together. An append that is
//! alone is committed by its caller, which saves two changes of task.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use annals_core::Position;
use annals_core::store::{Append, Appended, StoreError};
use tokio::sync::{Mutex, mpsc, oneshot};
use tokio::task::yield_now;

use crate::committer::{Committer, Wanted};
use crate::connection::Connector;
use crate::error::STORE;
use crate::listen::Growth;
use crate::statements::Statements;

/// How many appends share a commit at the most: it bounds how long the first of them waits.
const MAX_BATCH: usize = 256;

/// How many events share a commit at the most, unless one append has more.
const MAX_BATCH_EVENTS: usize = 2_000;

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
    committer: Arc<Mutex<Committer>>,
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

impl Writer {
    /// Starts the appender. The receiver is told when it has ended.
    pub(crate) fn start(
        connector: Arc<Connector>,
        sql: Arc<Statements>,
        growth: Growth,
    ) -> (Self, oneshot::Receiver<()>) {
        let (queue, waiting) = mpsc::channel(connector.options.queue);
        let (ended, end) = oneshot::channel();
        let committer = Committer::new(connector.clone(), sql, growth.clone());
        let committer = Arc::new(Mutex::new(committer));
        let writer = Self {
            queue,
            committer: committer.clone(),
            connector,
            growth: growth.clone(),
            present: Arc::default(),
        };
        tokio::spawn(async move {
            run(committer, waiting, growth).await;
            // Nobody listens unless the store is being closed.
            let _ = ended.send(());
        });
        (writer, end)
    }

    /// Queues an append and waits until it is durable.
    pub(crate) async fn append(&self, append: Append) -> Result<Appended, StoreError> {
        let presence = Presence::of(&self.present);
        let options = &self.connector.options;
        let mut wanted = Wanted { append, unknown: false };
        // Whatever else is ready to append, in this task too, comes in first.
        yield_now().await;
        if presence.is_alone()
            && let Ok(mut committer) = self.committer.try_lock()
        {
            match committer.commit_alone(wanted.append).await {
                Ok(result) => {
                    let at = result.as_ref().map_or(Position::START, |done| done.position);
                    self.growth.grown(at);
                    return result;
                }
                Err(again) => wanted = again,
            }
        }
        let (reply, result) = oneshot::channel();
        let waiting = Waiting { wanted, reply };
        self.queue.send_timeout(waiting, options.queue_timeout).await.map_err(
            |error| match error {
                mpsc::error::SendTimeoutError::Timeout(_) => {
                    StoreError::Overloaded { store: STORE, limit: options.queue, option: "queue" }
                }
                mpsc::error::SendTimeoutError::Closed(_) => StoreError::Closed,
            },
        )?;
        result.await.map_err(|_| StoreError::Closed)?
    }
}

async fn run(committer: Arc<Mutex<Committer>>, mut queue: mpsc::Receiver<Waiting>, growth: Growth) {
    while let Some(first) = queue.recv().await {
        let mut committer = committer.lock().await;
        let mut events = first.wanted.append.event_count();
        let (mut batch, mut replies) = (vec![first.wanted], vec![first.reply]);
        let is_full =
            |batch: &Vec<_>, events| batch.len() >= MAX_BATCH || events >= MAX_BATCH_EVENTS;
        // Those whom the last batch has set free come back one by one: letting them in for as long
        // as they come makes one commit of two.
        let mut coming = true;
        while coming {
            yield_now().await;
            coming = false;
            while !is_full(&batch, events)
                && let Ok(next) = queue.try_recv()
            {
                events += next.wanted.append.event_count();
                batch.push(next.wanted);
                replies.push(next.reply);
                coming = true;
            }
        }
        let results = committer.commit(&mut batch).await;
        drop(committer);
        acknowledge(replies, results, &growth);
    }
}

/// Tells everybody, those who wait for events first.
fn acknowledge(replies: Vec<Reply>, results: Vec<Result<Appended, StoreError>>, growth: &Growth) {
    let last = results.iter().flatten().map(|appended| appended.position).max();
    growth.grown(last.unwrap_or(Position::START));
    for (reply, result) in replies.into_iter().zip(results) {
        // Nobody waits any more when the caller dropped its future.
        let _ = reply.send(result);
    }
}
