//! How a transaction ends: together with its checkpoints, and only if nothing in it has failed.

use std::sync::Arc;

use annals_core::store::StoreError;
use futures_util::future::join;
use tokio_postgres::types::{ToSql, Type};

use crate::error::is_lost;
use crate::event_row::signed;
use crate::transaction::PgTransaction;

impl PgTransaction<'_> {
    /// Commits, with the checkpoints that are not written yet. After an error the transaction may
    /// still be open.
    pub(crate) async fn commit(mut self) -> Result<(), StoreError> {
        let Some((name, position)) = self.checkpoints.pop() else {
            return self.prove_and_commit().await.map_err(|error| self.not_committed(error));
        };
        self.write_checkpoints().await?;
        let (session, failed) = (self.link.session, self.link.failed());
        let write = session.ready(&self.link.sql.write_checkpoint, &[Type::TEXT, Type::INT8]).await;
        let (write, position) = (write.map_err(&failed)?, signed(position.get()));
        // Polled, and so sent, in this order.
        let values: [&(dyn ToSql + Sync); 2] = [&name, &position];
        match join(write.query(session.client, &values), self.prove_and_commit()).await {
            // The commit was not carried out behind it.
            (Err(refused), Err(_)) if !is_lost(&refused) => Err(failed(refused)),
            (_, committed) => committed.map_err(|error| self.not_committed(error)),
        }
    }

    /// Of a transaction in which something has failed, `COMMIT` makes a `ROLLBACK` and calls that a
    /// success. A statement in front of it fails in there, and then nothing behind it is done.
    async fn prove_and_commit(&self) -> Result<(), tokio_postgres::Error> {
        self.link.session.client.batch_execute("SELECT; COMMIT").await
    }

    fn not_committed(&self, error: tokio_postgres::Error) -> StoreError {
        match is_lost(&error) {
            true => StoreError::OutcomeUnknown { source: Arc::new(error) },
            false => self.link.failed()(error),
        }
    }
}
