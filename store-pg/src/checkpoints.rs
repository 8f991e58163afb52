//! Checkpoints, and the texts that components keep under a key.

use annals_core::Position;
use annals_core::store::StoreError;
use tokio_postgres::types::Type;

use crate::event_row::{get, position};
use crate::link::Link;

pub(crate) async fn checkpoint(link: Link<'_>, name: &str) -> Result<Option<Position>, StoreError> {
    let found = link.query_opt(&link.sql.read_checkpoint, &[(&name, Type::TEXT)]).await?;
    found.map(|row| position(&row, 0)).transpose()
}

pub(crate) async fn remove_checkpoint(link: Link<'_>, name: &str) -> Result<(), StoreError> {
    link.execute(&link.sql.remove_checkpoint, &[(&name, Type::TEXT)]).await.map(|_| ())
}

pub(crate) async fn state(link: Link<'_>, key: &str) -> Result<Option<String>, StoreError> {
    let found = link.query_opt(&link.sql.read_state, &[(&key, Type::TEXT)]).await?;
    found.map(|row| get(&row, 0)).transpose()
}

pub(crate) async fn put_state(link: Link<'_>, key: &str, text: &str) -> Result<(), StoreError> {
    let values = [(&key as _, Type::TEXT), (&text as _, Type::TEXT)];
    link.execute(&link.sql.write_state, &values).await.map(|_| ())
}
