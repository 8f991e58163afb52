//! Appends in transactions of their own: imports, appends with hooks, and appends inside a
//! transaction of the user's.

use std::sync::Arc;

use annals_core::store::{Append, Appended, StoreError, Strict};
use annals_core::{Position, RecordedEvent, cut_time};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tracing::Instrument;

use crate::PgStore;
use crate::append::{BEGIN, Failure, Judging, append_judged, lock_log};
use crate::batch::Wanted;
use crate::committer::{Committer, GRACE};
use crate::error::{is_duplicate, lost_inside};
use crate::judge::Ends;
use crate::lent::Lent;
use crate::looks::first_results;
use crate::session::Session;
use crate::transaction::PgTransaction;
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

/// Work that has the log locked between its statements goes on while its caller does not poll it, and
/// is broken off when the caller goes away.
pub(crate) async fn apart<T: Send + 'static>(
    work: impl Future<Output = Result<T, StoreError>> + Send + 'static,
) -> Result<T, StoreError> {
    let mut task = Apart(tokio::spawn(work.in_current_span()));
    match (&mut task.0).await {
        Ok(result) => result,
        Err(ended) => match ended.try_into_panic() {
            Ok(panic) => {
                let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
                let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
                Err(StoreError::refused(format!("it panicked: {}", text.unwrap_or_default())))
            }
            Err(_) => Err(lost_inside("the transaction")),
        },
    }
}

/// A task that ends with whoever waits for it.
struct Apart<T>(JoinHandle<T>);

impl<T> Drop for Apart<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
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
            results.extend(committer.commit(&mut std::mem::take(&mut plain)).await);
        }
        results.push(match refused {
            None => append_with_hooks(store, wanted.append).await,
            Some(error) => Err(error),
        });
    }
    if !plain.is_empty() {
        results.extend(committer.commit(&mut plain).await);
    }
    let last = results.iter().flatten().map(|appended| appended.position).max();
    store.growth().grown(last.unwrap_or(Position::START));
    results
}

/// Appends and runs the hooks in one transaction.
pub(crate) async fn append_with_hooks(
    store: &PgStore,
    append: Append,
) -> Result<Appended, StoreError> {
    store.writer()?;
    let lent = Lent::from(store.connector()).await?;
    let work = async |transaction: &mut Strict<PgTransaction<'_>>| {
        append_and_run(store, transaction, &append).await
    };
    let outcome = lent.transaction(store.sql(), work).await;
    let appended = match outcome {
        Err(StoreError::OutcomeUnknown { .. }) => resolve(store, append).await?,
        outcome => outcome?,
    };
    store.growth().grown(appended.position);
    Ok(appended)
}

async fn append_and_run(
    store: &PgStore,
    transaction: &mut Strict<PgTransaction<'_>>,
    append: &Append,
) -> Result<Appended, StoreError> {
    let (appended, events) = append_in(store, transaction.inner().session, append).await?;
    if !events.is_empty() {
        for hook in &append.hooks {
            store.mark().around(hook.run(&events, transaction)).await?;
        }
    }
    Ok(appended)
}

/// Appends inside an open transaction, which has the log locked from now on. Returns the events that
/// were written.
pub(crate) async fn append_in(
    store: &PgStore,
    session: Session<'_>,
    append: &Append,
) -> Result<(Appended, Vec<RecordedEvent>), StoreError> {
    let connector = store.connector();
    let now = connector.options.clock.as_ref().map(|clock| cut_time(clock.now()));
    let judging = Judging { now, carefully: true, whole: false };
    let judged =
        append_judged(session, store.sql(), &[append], judging, &mut Ends::default()).await;
    let (judged, now) = judged.map_err(|failure| match failure {
        // Looked up under the lock: only a key or an id that never was in the log can do this.
        Failure::Server(error) if is_duplicate(&error) => StoreError::Invalid {
            why: format!("a unique index refuses the append: {}", crate::error::Told::from(error)),
        },
        failure => failure.explained(connector),
    })?;
    let events = judged.events.iter().map(|placed| placed.recorded(now)).collect();
    match judged.results.into_iter().next() {
        Some(result) => result.map(|appended| (appended, events)),
        None => Err(StoreError::Closed),
    }
}

/// Finds out whether a transaction was committed whose reply was lost: it had the log locked, so it
/// has ended when the log is ours, and its events are there or not.
async fn resolve(store: &PgStore, append: Append) -> Result<Appended, StoreError> {
    let unknown = |source: StoreError| StoreError::OutcomeUnknown { source: Arc::new(source) };
    let client = store.connector().own_patiently().await.map_err(unknown)?;
    let session = store.connector().session(&client);
    let ended = async {
        // Dropped with the connection.
        session.client.batch_execute(BEGIN).await?;
        lock_log(session, store.sql()).await?;
        Ok::<_, Failure>(first_results(session, store.sql(), &[&append]).await?.pop().flatten())
    };
    let options = &store.connector().options;
    let limit = options.lock_timeout + options.statement_timeout + GRACE;
    let ended = tokio::time::timeout(limit, ended).await;
    let ended = ended.map_err(|_| unknown(store.connector().silent(limit)))?;
    let first = ended.map_err(|failure| unknown(failure.explained(store.connector())))?;
    match first {
        // The first try was this very append, unless a key says that it may have been another.
        Some(Ok(first)) => {
            let repeated = append.command.is_some();
            Ok(Appended { repeated, ..first })
        }
        _ => Err(StoreError::Unavailable {
            place: store.connector().place.to_string(),
            source: Arc::new(std::io::Error::other(
                "the connection broke before the commit; nothing was written",
            )),
        }),
    }
}
