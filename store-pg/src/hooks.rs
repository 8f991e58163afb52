//! Appends whose hooks run in the same transaction.

use std::sync::Arc;
use std::time::Instant;

use annals_core::Position;
use annals_core::store::{Append, Appended, StoreError, Strict};

use crate::PgStore;
use crate::committer::GRACE;
use crate::error::Failure;
use crate::judged_append::{BEGIN, append_in, lock_log};
use crate::lent::Lent;
use crate::looks::first_results;
use crate::measure::measure;
use crate::transaction::{PgTransaction, now};

/// Appends and runs the hooks in one transaction.
pub(crate) async fn append_with_hooks(
    store: &PgStore,
    append: Append,
) -> Result<Appended, StoreError> {
    store.writer()?;
    let lent = Lent::from(store.connector()).await?;
    let work = async |mut transaction: PgTransaction<'_>| {
        let appended = store.mark().around(transaction.append_with_hooks(&append)).await?;
        match appended.repeated {
            // What a hook did before it was known is taken back.
            true => transaction.roll_back().await,
            false => transaction.commit().await?,
        }
        Ok(appended)
    };
    let begun = Instant::now();
    let outcome = lent.transaction(work).await;
    measure(std::slice::from_ref(&outcome), begun.elapsed());
    let leaves_traces = append.event_count() > 0 || append.command.is_some();
    let appended = match outcome {
        Err(StoreError::OutcomeUnknown { .. }) if leaves_traces => resolve(store, append).await?,
        outcome => outcome?,
    };
    store.growth().grown(appended.position);
    Ok(appended)
}

impl PgTransaction<'_> {
    /// Appends, with the hooks before and after. What they have written stays when the append is a
    /// repetition or an error: that is for the caller to undo.
    pub(crate) async fn append_with_hooks(
        &mut self,
        append: &Append,
    ) -> Result<Appended, StoreError> {
        let mut before = Strict::for_hooks(self);
        for hook in &append.hooks {
            hook.before(&mut before).await?;
        }
        before.finish()?;
        // Whoever has a checkpoint is waited for while the log is free.
        let last = self.steps.pop();
        self.write_steps().await?;
        if append.streams.is_empty() {
            self.steps.extend(last);
            let (streams, recorded_at) = (Vec::new(), now(self.link).await?);
            return Ok(Appended {
                streams,
                position: Position::START,
                recorded_at,
                repeated: false,
            });
        }
        let (appended, events) = append_in(self.link, append, last).await?;
        let Some(last) = events.last() else { return Ok(appended) };
        self.grown = last.position;
        let mut after = Strict::for_hooks(self);
        for hook in &append.hooks {
            hook.run(&events, &mut after).await?;
        }
        after.finish()?;
        Ok(appended)
    }
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
