//! Imports: many appends, in parts that are committed one after the other.

use std::time::Instant;

use annals_core::Position;
use annals_core::store::{Append, Appended, StoreError};
use tokio::sync::oneshot;
use tracing::Instrument;

use crate::PgStore;
use crate::batch::Wanted;
use crate::committer::Committer;
use crate::error::lost_inside;
use crate::hooks::append_with_hooks;
use crate::measure::measure;
use crate::writer::MAX_BATCH_BYTES;

/// How many events of an import share a commit: enough to make the commit cheap, few enough to let
/// other appends in between.
const BULK_COMMIT_EVENTS: usize = 5_000;

/// Appends in parts, each in one commit, on a task of its own: a caller that does not poll holds
/// nobody up, and one that goes away ends the import with the part that is under way.
pub(crate) async fn append_bulk(
    store: &PgStore,
    appends: Vec<Append>,
) -> Vec<Result<Appended, StoreError>> {
    let count = appends.len();
    let (reply, results) = oneshot::channel();
    tokio::spawn(import(store.clone(), appends, reply).in_current_span());
    let lost = |_| (0..count).map(|_| Err(lost_inside("the import"))).collect();
    results.await.unwrap_or_else(lost)
}

async fn import(
    store: PgStore,
    appends: Vec<Append>,
    mut reply: oneshot::Sender<Vec<Result<Appended, StoreError>>>,
) {
    let mut results = Vec::with_capacity(appends.len());
    let committer = tokio::select! {
        committer = store.importer() => committer,
        () = reply.closed() => return,
    };
    let mut rest = appends.into_iter().map(Wanted::new).peekable();
    while rest.peek().is_some() && !reply.is_closed() {
        if let Err(error) = store.writer() {
            results.extend(rest.map(|_| Err(error.clone())));
            break;
        }
        let (mut events, mut bytes, mut part) = (0, 0, Vec::new());
        while events < BULK_COMMIT_EVENTS
            && bytes < MAX_BATCH_BYTES
            && let Some(wanted) = rest.next()
        {
            events += wanted.append.event_count();
            bytes += wanted.bytes;
            part.push(wanted);
        }
        results.extend(commit_part(&store, &committer, part).await);
    }
    // Nobody waits any more when the caller dropped its future.
    let _ = reply.send(results);
}

/// Those with hooks have transactions of their own, in their place among the others.
async fn commit_part(
    store: &PgStore,
    committer: &Committer,
    part: Vec<Wanted>,
) -> Vec<Result<Appended, StoreError>> {
    let mut results = Vec::with_capacity(part.len());
    let mut plain = Vec::new();
    for wanted in part {
        let refused = wanted.append.check().err();
        if refused.is_none() && wanted.append.hooks.is_empty() {
            plain.push(wanted);
            continue;
        }
        if !plain.is_empty() {
            results.extend(commit(committer, std::mem::take(&mut plain)).await);
        }
        results.push(match refused {
            None => append_with_hooks(store, wanted.append).await,
            Some(error) => Err(error),
        });
    }
    if !plain.is_empty() {
        results.extend(commit(committer, plain).await);
    }
    let last = results.iter().flatten().map(|appended| appended.position).max();
    store.growth().grown(last.unwrap_or(Position::START));
    results
}

async fn commit(
    committer: &Committer,
    mut batch: Vec<Wanted>,
) -> Vec<Result<Appended, StoreError>> {
    let begun = Instant::now();
    let results = committer.commit(&mut batch).await;
    measure(&results, begun.elapsed());
    results
}
