//! The durable barrier: nobody is told "Ok" before the write-ahead log has reached the disk beyond
//! the append. Batches that were committed without waiting share one flush.

use std::collections::HashSet;
use std::sync::Arc;

use annals_core::store::{Appended, StoreError};
use deadpool_postgres::ClientWrapper;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_postgres::types::Type;
use uuid::Uuid;

use crate::committer::{Committer, Wanted};
use crate::connection::Connector;
use crate::event_row::get;
use crate::listen::Growth;
use crate::session::Bound;
use crate::statements::Statements;
use crate::writer::{Reply, acknowledge};

/// How many batches wait for the disk at the most.
const MAX_WAITING: usize = 64;

/// A batch that is committed and perhaps not durable.
struct Passing {
    batch: Vec<Wanted>,
    replies: Vec<Reply>,
    results: Vec<Result<Appended, StoreError>>,
}

impl Passing {
    /// Events that prove the batch: one that it has written, since a batch is one commit, and one of
    /// each append that it found written already, by whomever. A batch with an append of no event was
    /// not committed behind the barrier.
    fn witnesses(&self) -> Vec<Uuid> {
        let (mut witnesses, mut written) = (Vec::new(), false);
        for (wanted, result) in self.batch.iter().zip(&self.results) {
            let Ok(appended) = result else { continue };
            let mut events = wanted.append.streams.iter().flat_map(|stream| &stream.events);
            if let Some(event) = events.next()
                && (appended.repeated || !written)
            {
                witnesses.push(event.id.get());
                written |= !appended.repeated;
            }
        }
        witnesses
    }
}

/// The way to the task that waits for the disk.
pub(crate) struct Barrier {
    passing: mpsc::Sender<Passing>,
    task: JoinHandle<()>,
}

impl Barrier {
    pub(crate) fn start(connector: Arc<Connector>, sql: Arc<Statements>, growth: Growth) -> Self {
        let (passing, queue) = mpsc::channel(MAX_WAITING);
        let task = tokio::spawn(run(connector, sql, queue, growth));
        Self { passing, task }
    }

    /// Acknowledges a batch once it is durable.
    pub(crate) async fn pass(
        &self,
        batch: Vec<Wanted>,
        replies: Vec<Reply>,
        results: Vec<Result<Appended, StoreError>>,
    ) {
        // If the task is gone, the replies are dropped, and the callers learn that the store is.
        let _ = self.passing.send(Passing { batch, replies, results }).await;
    }

    /// Waits until everything that was passed is acknowledged.
    pub(crate) async fn close(self) {
        drop(self.passing);
        // A panic has been reported where it happened.
        let _ = self.task.await;
    }
}

async fn run(
    connector: Arc<Connector>,
    sql: Arc<Statements>,
    mut queue: mpsc::Receiver<Passing>,
    growth: Growth,
) {
    let mut client: Option<ClientWrapper> = None;
    // Commits under the lock what a broken server may have forgotten.
    let mut committer = Committer::new(connector.clone(), sql.clone(), false);
    let mut waiting = Vec::new();
    while queue.recv_many(&mut waiting, MAX_WAITING).await > 0 {
        let witnesses: Vec<Uuid> = waiting.iter().flat_map(Passing::witnesses).collect();
        let durable = flush(&connector, &sql, &mut client, &witnesses).await;
        if durable.is_err() {
            client = None;
        }
        let durable: HashSet<Uuid> = durable.unwrap_or_default().into_iter().collect();
        for mut passing in waiting.drain(..) {
            if !passing.witnesses().iter().all(|id| durable.contains(id)) {
                redo(&mut committer, &mut passing).await;
            }
            acknowledge(passing.replies, passing.results, &growth);
        }
    }
}

/// One small commit that waits for the disk. Returns which of the events it has made durable.
async fn flush(
    connector: &Connector,
    sql: &Statements,
    client: &mut Option<ClientWrapper>,
    witnesses: &[Uuid],
) -> Result<Vec<Uuid>, StoreError> {
    if client.as_ref().is_none_or(|client| client.is_closed()) {
        // Not patiently: what was committed has to be looked at again anyway.
        *client = Some(connector.own().await?);
    }
    let Some(client) = client else { return Err(StoreError::Closed) };
    let session = connector.session(client);
    let limit = connector.options.statement_timeout;
    let values: [Bound<'_>; 1] = [(&witnesses, Type::UUID_ARRAY)];
    let flush = session.query_opt(&sql.barrier, &values);
    let row = tokio::time::timeout(limit, flush).await.map_err(|_| StoreError::Closed)?;
    row.map_err(connector.failed())?.map_or(Ok(Vec::new()), |row| get(&row, 2))
}

/// A server that broke before the flush may have lost the commit: appending the same ids again finds
/// it or makes it.
async fn redo(committer: &mut Committer, passing: &mut Passing) {
    let batch = std::mem::take(&mut passing.batch);
    let results = std::mem::take(&mut passing.results);
    let (mut again, mut places) = (Vec::new(), Vec::new());
    for ((wanted, result), place) in batch.into_iter().zip(&results).zip(0..) {
        if result.is_ok() {
            again.push(Wanted { unknown: true, ..wanted });
            places.push(place);
        }
    }
    passing.results = results;
    for (place, result) in places.into_iter().zip(committer.commit(&mut again).await) {
        passing.results[place] = result;
    }
}
