//! How a transaction ends: together with the steps of its checkpoints, and only if nothing in it has failed.

use std::sync::Arc;

use annals_core::store::StoreError;
use futures_util::future::join3;

use crate::error::{is_frozen, is_lost};
use crate::link::Link;
use crate::transaction::PgTransaction;

impl PgTransaction<'_> {
    /// Commits, with the steps that are not written yet. After an error the transaction may still be
    /// open.
    pub(crate) async fn commit(mut self) -> Result<(), StoreError> {
        self.pulse.check()?;
        let (last, link) = (self.steps.pop(), self.link);
        if !self.steps.is_empty() {
            self.write_steps().await?;
        }
        let ready = match &last {
            Some(last) => {
                let ready = last.ready(link).await;
                Some((last, self.pipeline.reason(ready).await?))
            }
            None => None,
        };
        let step = async {
            let Some((last, ready)) = &ready else { return Ok(()) };
            last.send(link, ready).await
        };
        // Polled, and so sent, in this order. What is not carried out lets nothing behind it be.
        let (settled, moved, committed) =
            join3(self.pipeline.settle(), step, prove_and_commit(link)).await;
        let Err(error) = committed else { return Ok(()) };
        match (settled, moved, last) {
            (Err(refused), ..) if !lost(&refused) => Err(refused),
            (_, Err(refused), Some(last)) if !is_lost(&refused) => Err(last.failed(link, refused)),
            _ if is_lost(&error) && !is_frozen(&error) => {
                Err(StoreError::OutcomeUnknown { source: Arc::new(error) })
            }
            _ => Err(link.failed()(error)),
        }
    }

    /// Undoes everything. The session is not used again if that cannot be said.
    pub(crate) async fn roll_back(self) {
        if self.link.run("ROLLBACK").await.is_err() {
            self.spoil();
        }
    }
}

/// Of a transaction in which something has failed, `COMMIT` makes a `ROLLBACK` and calls that a success. A
/// statement in front of it fails in there, and then nothing behind it is done.
async fn prove_and_commit(link: Link<'_>) -> Result<(), tokio_postgres::Error> {
    link.session.client.batch_execute("SELECT; COMMIT").await
}

/// Whether the server may have gone on without our hearing of it.
fn lost(error: &StoreError) -> bool {
    matches!(error, StoreError::Unavailable { .. } | StoreError::TimedOut { .. })
}
