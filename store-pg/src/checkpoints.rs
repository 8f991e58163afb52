//! Checkpoints, and the texts that components keep under a key.

use annals_core::Position;
use annals_core::store::StoreError;
use futures_util::future::join;
use tokio_postgres::Row;
use tokio_postgres::types::Type;

use crate::connection::Connector;
use crate::event_row::{get, position, signed};
use crate::session::Session;
use crate::statements::Statements;

pub(crate) async fn checkpoint(
    session: Session<'_>,
    sql: &Statements,
    connector: &Connector,
    name: &str,
) -> Result<Option<Position>, StoreError> {
    let found = session.query_opt(&sql.read_checkpoint, &[(&name, Type::TEXT)]).await;
    found.map_err(connector.failed())?.map(|row| position(&row, 0)).transpose()
}

pub(crate) async fn set_checkpoint(
    session: Session<'_>,
    sql: &Statements,
    connector: &Connector,
    name: &str,
    position: Position,
) -> Result<(), StoreError> {
    let position = signed(position.get());
    let written = session
        .execute(&sql.write_checkpoint, &[(&name, Type::TEXT), (&position, Type::INT8)])
        .await;
    written.map(|_| ()).map_err(connector.failed())
}

pub(crate) async fn remove_checkpoint(
    session: Session<'_>,
    sql: &Statements,
    connector: &Connector,
    name: &str,
) -> Result<(), StoreError> {
    let removed = session.execute(&sql.remove_checkpoint, &[(&name, Type::TEXT)]).await;
    removed.map(|_| ()).map_err(connector.failed())
}

pub(crate) async fn state(
    session: Session<'_>,
    sql: &Statements,
    connector: &Connector,
    key: &str,
) -> Result<Option<String>, StoreError> {
    let found = session.query_opt(&sql.read_state, &[(&key, Type::TEXT)]).await;
    found.map_err(connector.failed())?.map(|row| get(&row, 0)).transpose()
}

pub(crate) async fn put_state(
    session: Session<'_>,
    sql: &Statements,
    connector: &Connector,
    key: &str,
    text: &str,
) -> Result<(), StoreError> {
    let written =
        session.execute(&sql.write_state, &[(&key, Type::TEXT), (&text, Type::TEXT)]).await;
    written.map(|_| ()).map_err(connector.failed())
}

/// Reads what is kept under a name in order to change it: nobody else does until the transaction
/// ends. The read is sent right behind the lock, and sees what was committed while that waited.
pub(crate) async fn read_locked(
    session: Session<'_>,
    sql: &Statements,
    connector: &Connector,
    (kind, read): (&str, &str),
    name: &str,
) -> Result<Option<Row>, StoreError> {
    let what = format!("{}/{kind}/{name}", connector.options.schema.0);
    let read = async {
        let lock = session.ready(&sql.lock_name, &[Type::TEXT]).await?;
        let read = session.ready(read, &[Type::TEXT]).await?;
        // Polled, and so sent, in this order.
        let (locked, rows) =
            join(lock.query(session.client, &[&what]), read.query(session.client, &[&name])).await;
        locked?;
        rows
    };
    Ok(read.await.map_err(connector.failed())?.into_iter().next())
}
