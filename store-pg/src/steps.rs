//! What becomes of checkpoints, as far as it is still to be written.

use annals_core::Position;
use annals_core::store::{Advance, StoreError};
use tokio_postgres::Error;
use tokio_postgres::types::{ToSql, Type};

use crate::error::is_fenced;
use crate::event_row::signed;
use crate::link::Link;
use crate::session::Ready;

/// A change of a checkpoint.
pub(crate) enum Step {
    Set(String, Position),
    Advance(Advance),
}

impl Step {
    /// Makes it ready to be sent.
    pub(crate) async fn ready(&self, link: Link<'_>) -> Result<Ready, StoreError> {
        let ready = match self {
            Self::Set(..) => {
                link.session.ready(&link.sql.write_checkpoint, &[Type::TEXT, Type::INT8]).await
            }
            Self::Advance(_) => {
                let types = [Type::TEXT, Type::INT8, Type::INT8, Type::INT8];
                link.session.ready(&link.sql.advance_checkpoint, &types).await
            }
        };
        ready.map_err(link.failed())
    }

    /// Sends it, when it is first polled.
    pub(crate) async fn send(&self, link: Link<'_>, ready: &Ready) -> Result<(), Error> {
        let sent = match self {
            Self::Set(name, position) => {
                let values: [&(dyn ToSql + Sync); 2] = [name, &signed(position.get())];
                ready.query(link.session.client, &values).await
            }
            Self::Advance(Advance { name, token, from, to }) => {
                let (token, from, to) = (signed(*token), signed(from.get()), signed(to.get()));
                let values: [&(dyn ToSql + Sync); 4] = [name, &token, &from, &to];
                ready.query(link.session.client, &values).await
            }
        };
        sent.map(|_| ())
    }

    /// Puts what the server says of it into other words.
    pub(crate) fn failed(&self, link: Link<'_>, error: Error) -> StoreError {
        match self {
            Self::Advance(step) if is_fenced(&error) => step.refused(),
            _ => link.failed()(error),
        }
    }

    pub(crate) async fn write(&self, link: Link<'_>) -> Result<(), StoreError> {
        let ready = self.ready(link).await?;
        self.send(link, &ready).await.map_err(|error| self.failed(link, error))
    }
}
