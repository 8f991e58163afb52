//! Records of commands by key.

use annals_core::store::{CommandKey, CommandOutcome, CommandRecord, StoreError};
use annals_core::{Fingerprint, StreamId, StreamVersion};
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};

use crate::error::{corrupt, translate};
use crate::event_row::{number, text, time};
use crate::job::Group;
use crate::read::signed;
use crate::statements::{FIND_COMMAND, FORGET_COMMANDS, INSERT_COMMAND};

/// How many records one commit forgets at the most, so that other writes come in between.
pub(crate) const FORGOTTEN_AT_ONCE: u64 = 2_000;

pub(crate) fn find_command(
    connection: &Connection,
    key: &CommandKey,
    place: &str,
) -> Result<Option<CommandRecord>, StoreError> {
    let failed = |error| translate(error, place);
    let mut statement = connection.prepare_cached(FIND_COMMAND).map_err(failed)?;
    let record = statement
        .query_row([key.as_str()], |row| {
            Ok((|| {
                Ok(CommandRecord {
                    stream: StreamId::parse(text(row, 0)?).map_err(corrupt)?,
                    before: StreamVersion::new(number(row, 1)?),
                    after: StreamVersion::new(number(row, 2)?),
                    position: annals_core::Position::new(number(row, 3)?),
                    recorded_at: time(row, 4)?,
                    fingerprint: row
                        .get::<_, Option<[u8; 32]>>(5)
                        .map_err(corrupt)?
                        .map(Fingerprint::from_bytes),
                    outcome: CommandOutcome::from_refusal(row.get(6).map_err(corrupt)?),
                })
            })())
        })
        .optional()
        .map_err(failed)?;
    record.transpose()
}

pub(crate) fn insert_command(
    connection: &Connection,
    key: &CommandKey,
    record: &CommandRecord,
) -> rusqlite::Result<()> {
    connection.prepare_cached(INSERT_COMMAND)?.execute(params![
        key.as_str(),
        record.stream.as_str(),
        signed(record.before.get()),
        signed(record.after.get()),
        signed(record.position.get()),
        record.recorded_at.as_microsecond(),
        record.fingerprint.as_ref().map(Fingerprint::as_bytes),
        record.outcome.refusal(),
    ])?;
    Ok(())
}

/// Forgets the oldest of those that were recorded before a time, and says how many.
pub(crate) fn forget_some(group: &mut Group<'_>, before: Timestamp) -> Result<u64, StoreError> {
    let forgotten = group
        .connection
        .prepare_cached(FORGET_COMMANDS)
        .and_then(|mut forget| {
            forget.execute(params![before.as_microsecond(), signed(FORGOTTEN_AT_ONCE)])
        })
        .map_err(group.failed())?;
    Ok(forgotten as u64)
}
