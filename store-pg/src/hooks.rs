//! Appends whose hooks run in the same transaction.

use std::sync::Arc;

use annals_core::store::{Append, Appended, StoreError, Strict};

use crate::PgStore;
use crate::committer::GRACE;
use crate::error::Failure;
use crate::judged_append::{BEGIN, append_in, lock_log};
use crate::lent::Lent;
use crate::looks::first_results;
use crate::transaction::PgTransaction;

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
    let outcome = lent.transaction(work).await;
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
    let (appended, events) = append_in(transaction.inner().link, append).await?;
    if !events.is_empty() {
        for hook in &append.hooks {
            store.mark().around(hook.run(&events, transaction)).await?;
        }
    }
    Ok(appended)
}

/// Finds out whether a transaction was committed whose reply was lost: it had the log locked, so it
/// has ended when the log is ours, and its events are there or not.
async fn resolve(store: &PgStore, append: Append) -> Result<Appended, StoreError> {
    let unknown = |source: StoreError| StoreError::OutcomeUnknown { source: Arc::new(source) };
    let client = store.connector().own_patiently().await.map_err(unknown)?;
    let link = store.connector().link(&client);
    let ended = async {
        // Dropped with the connection.
        link.session.client.batch_execute(BEGIN).await?;
        lock_log(link).await?;
        Ok::<_, Failure>(first_results(link, &[&append]).await?.pop().flatten())
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
