//! Records of commands with an idempotency key.

use annals_core::store::{CommandKey, CommandOutcome, CommandRecord, StoreError};
use annals_core::{Fingerprint, StreamId};
use jiff::Timestamp;
use tokio_postgres::Row;
use tokio_postgres::types::{ToSql, Type};

use crate::error::corrupt;
use crate::event_row::{get, position, signed, version};
use crate::link::Link;
use crate::session::{Bound, Ready, Session};

/// How many records one statement forgets at the most: it ends long before any time limit.
pub(crate) const FORGOTTEN_AT_ONCE: u64 = 2_000;

/// The records that there are for some keys.
pub(crate) async fn find_commands(
    link: Link<'_>,
    keys: &[&str],
) -> Result<Vec<(String, CommandRecord)>, StoreError> {
    let found = link.query(&link.sql.find_commands, &[(&keys, Type::TEXT_ARRAY)]).await?;
    found.iter().map(read_command).collect()
}

pub(crate) fn read_command(row: &Row) -> Result<(String, CommandRecord), StoreError> {
    let record = CommandRecord {
        stream: StreamId::parse(get::<&str>(row, 1)?).map_err(corrupt)?,
        before: version(row, 2)?,
        after: version(row, 3)?,
        position: position(row, 4)?,
        recorded_at: get(row, 5)?,
        fingerprint: match get::<Option<&[u8]>>(row, 6)? {
            Some(bytes) => Some(Fingerprint::from_bytes(bytes.try_into().map_err(corrupt)?)),
            None => None,
        },
        outcome: CommandOutcome::from_refusal(get(row, 7)?),
    };
    Ok((get(row, 0)?, record))
}

/// As `insert_command.sql` lists them.
pub(crate) const COMMAND: [Type; 8] = [
    Type::TEXT,
    Type::TEXT,
    Type::INT8,
    Type::INT8,
    Type::INT8,
    Type::TIMESTAMPTZ,
    Type::BYTEA,
    Type::TEXT,
];

/// Sends `insert_command.sql`, which is ready.
pub(crate) async fn insert_command(
    session: Session<'_>,
    statement: &Ready,
    key: &CommandKey,
    record: &CommandRecord,
) -> Result<(), tokio_postgres::Error> {
    let (key, stream) = (key.as_str(), record.stream.as_str());
    let (before, after) = (signed(record.before.get()), signed(record.after.get()));
    let position = signed(record.position.get());
    let fingerprint = record.fingerprint.as_ref().map(|of| of.as_bytes().as_slice());
    let refusal = record.outcome.refusal();
    let values: [&(dyn ToSql + Sync); 8] =
        [&key, &stream, &before, &after, &position, &record.recorded_at, &fingerprint, &refusal];
    statement.query(session.client, &values).await.map(|_| ())
}

/// Forgets the oldest of those that were recorded before a time, and says how many.
pub(crate) async fn forget_some(link: Link<'_>, before: Timestamp) -> Result<u64, StoreError> {
    let limit = signed(FORGOTTEN_AT_ONCE);
    let parameters: [Bound<'_>; 2] = [(&before, Type::TIMESTAMPTZ), (&limit, Type::INT8)];
    link.execute(&link.sql.forget_commands, &parameters).await
}
