//! The appender: collects the appends that are waiting and commits them together.

use std::sync::Arc;

use annals_core::Position;
use annals_core::store::{Append, Appended, StoreError};
use tokio::sync::{mpsc, oneshot};

use crate::barrier::Barrier;
use crate::committer::{Committer, Wanted};
use crate::connection::Connector;
use crate::error::STORE;
use crate::listen::Growth;
use crate::options::Commit;
use crate::statements::Statements;

/// How many appends share a commit at the most: it bounds how long the first of them waits.
const MAX_BATCH: usize = 256;

/// How many events share a commit at the most, unless one append has more.
const MAX_BATCH_EVENTS: usize = 2_000;

/// An append in the queue.
struct Waiting {
    append: Append,
    reply: Reply,
}

pub(crate) type Reply = oneshot::Sender<Result<Appended, StoreError>>;

/// The way to the appender. When the last one is dropped, it finishes what is queued and ends.
#[derive(Clone)]
pub(crate) struct Writer {
    queue: mpsc::Sender<Waiting>,
    connector: Arc<Connector>,
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
        let writer = Self { queue, connector: connector.clone() };
        tokio::spawn(async move {
            run(connector, sql, waiting, growth).await;
            // Nobody listens unless the store is being closed.
            let _ = ended.send(());
        });
        (writer, end)
    }

    /// Queues an append and waits until it is durable.
    pub(crate) async fn append(&self, append: Append) -> Result<Appended, StoreError> {
        let (reply, result) = oneshot::channel();
        let options = &self.connector.options;
        let waiting = Waiting { append, reply };
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

async fn run(
    connector: Arc<Connector>,
    sql: Arc<Statements>,
    mut queue: mpsc::Receiver<Waiting>,
    growth: Growth,
) {
    let behind_barrier = connector.options.commit == Commit::BehindBarrier;
    let barrier =
        behind_barrier.then(|| Barrier::start(connector.clone(), sql.clone(), growth.clone()));
    let mut committer = Committer::new(connector, sql, behind_barrier);
    while let Some(first) = queue.recv().await {
        let mut events = first.append.event_count();
        let mut batch = vec![Wanted { append: first.append, unknown: false }];
        let mut replies = vec![first.reply];
        while batch.len() < MAX_BATCH && events < MAX_BATCH_EVENTS {
            let Ok(next) = queue.try_recv() else { break };
            events += next.append.event_count();
            batch.push(Wanted { append: next.append, unknown: false });
            replies.push(next.reply);
        }
        let results = committer.commit(&mut batch).await;
        match &barrier {
            None => acknowledge(replies, results, &growth),
            Some(barrier) => barrier.pass(batch, replies, results).await,
        }
    }
    if let Some(barrier) = barrier {
        barrier.close().await;
    }
}

/// Tells everybody, those who wait for events first.
pub(crate) fn acknowledge(
    replies: Vec<Reply>,
    results: Vec<Result<Appended, StoreError>>,
    growth: &Growth,
) {
    let last = results.iter().flatten().map(|appended| appended.position).max();
    growth.grown(last.unwrap_or(Position::START));
    for (reply, result) in replies.into_iter().zip(results) {
        // Nobody waits any more when the caller dropped its future.
        let _ = reply.send(result);
    }
}
