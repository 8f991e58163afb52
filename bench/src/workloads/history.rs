//! A history to work on, imported in bulk: accounts take turns, so that the events of one lie
//! apart, as in a real log.

use std::sync::Arc;
use std::time::Duration;

use annals::ops::{self, Ask};
use annals::store::{Append, Store};
use annals::{Aggregate, Annals, ExpectedVersion, NewEvent, StreamId};
use tokio::sync::mpsc;

use super::balances::{Balances, wait_for_head};
use super::{deadlines, saga, start};
use crate::Failure;
use crate::domain::{Account, AccountEvent, Movement, account};
use crate::task::{Task, Work, history};

/// How many events are handed over at a time.
const CHUNK: usize = 5_000;

pub(super) async fn make(store: &Arc<dyn Store>, task: &Task) -> Result<(), Failure> {
    let annals = start(store.clone(), 0).await?;
    let (accounts, each) = history(task);
    import(&annals, accounts, each).await?;
    // What a rebuild takes the place of.
    match task.work {
        Work::Rebuild { partitions: 1 } => project::<false>(store, None).await?,
        Work::Rebuild { partitions } => {
            project::<true>(store, Some(partitions)).await?;
        }
        Work::Saga { .. } | Work::Open { .. } => saga::prepare(store, &annals, task).await?,
        Work::Deadlines { pace } => deadlines::prepare(store, pace, task.events).await?,
        _ => {}
    }
    Ok(())
}

/// Brings the read model up to date, and cuts it anew.
async fn project<const BY_ID: bool>(
    store: &Arc<dyn Store>,
    partitions: Option<u32>,
) -> Result<(), Failure> {
    let annals = Annals::on_shared(store.clone()).project(Balances::<BY_ID>).start().await?;
    wait_for_head(&annals).await?;
    if let Some(partitions) = partitions {
        let ask = Ask::Repartition(partitions);
        let id = ops::ask(&**store, "balances", &ask, ("bench", "to measure it")).await?;
        while ops::request(&**store, id).await?.is_none_or(|request| request.state != "done") {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
    annals.shutdown().await;
    Ok(())
}

/// Accounts take turns, so many events each.
pub(super) async fn import(annals: &Annals, accounts: u64, each: u64) -> Result<(), Failure> {
    import_of(annals, accounts * each, move |n| n % accounts).await
}

/// So many events, each of the account with the number that is said. The next chunk is made while the last
/// is written.
pub(super) async fn import_of(
    annals: &Annals,
    events: u64,
    whose: impl Fn(u64) -> u64 + Send + 'static,
) -> Result<(), Failure> {
    let (made, mut chunks) = mpsc::channel(1);
    let making = tokio::spawn(async move {
        let mut rest = 0..events;
        while !rest.is_empty() {
            let chunk = rest.by_ref().take(CHUNK).map(|n| append(whose(n), n));
            let chunk = chunk.collect::<Result<Vec<_>, Failure>>()?;
            if made.send(chunk).await.is_err() {
                break;
            }
        }
        Ok::<_, Failure>(())
    });
    while let Some(chunk) = chunks.recv().await {
        annals.import(chunk).await?;
    }
    making.await?
}

fn append(whose: u64, n: u64) -> Result<Append, Failure> {
    let stream = StreamId::new(Account::CATEGORY, account(whose))?;
    let event = NewEvent::of(&AccountEvent::Moved(Movement::number(n)))?;
    Ok(Append::to(stream, ExpectedVersion::Any, vec![event]))
}
