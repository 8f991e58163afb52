//! How a transaction ends: together with the steps of its checkpoints, and only if nothing in it has failed.

use std::sync::Arc;

use annals_core::store::StoreError;
use futures_util::future::join;

use crate::error::{is_frozen, is_lost};
use crate::transaction::PgTransaction;

impl PgTransaction<'_> {
    /// Commits, with the steps that are not written yet. After an error the transaction may still be
    /// open.
    pub(crate) async fn commit(mut self) -> Result<(), StoreError> {
        self.pulse.check()?;
        self.pipeline.settle().await?;
        let Some(last) = self.steps.pop() else {
            return self.prove_and_commit().await.map_err(|error| self.not_committed(error));
        };
        self.write_steps().await?;
        let ready = last.ready(self.link).await?;
        // Polled, and so sent, in this order.
        let link = self.link;
        match join(last.send(link, &ready), self.prove_and_commit()).await {
            // The commit was not carried out behind it.
            (Err(refused), Err(_)) if !is_lost(&refused) => Err(last.failed(link, refused)),
            (_, committed) => committed.map_err(|error| self.not_committed(error)),
        }
    }

    /// Undoes everything. The session is not used again if that cannot be said.
    pub(crate) async fn roll_back(self) {
        if self.link.run("ROLLBACK").await.is_err() {
            self.spoil();
        }
    }

    /// Of a transaction in which something has failed, `COMMIT` makes a `ROLLBACK` and calls that a
    /// success. A statement in front of it fails in there, and then nothing behind it is done.
    async fn prove_and_commit(&mut self) -> Result<(), tokio_postgres::Error> {
        self.link.session.client.batch_execute("SELECT; COMMIT").await
    }

    fn not_committed(&self, error: tokio_postgres::Error) -> StoreError {
        match is_lost(&error) && !is_frozen(&error) {
            true => StoreError::OutcomeUnknown { source: Arc::new(error) },
            false => self.link.failed()(error),
        }
    }
}
