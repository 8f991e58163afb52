//! Folded states, by stream and the state's name.

use annals_core::store::{SnapshotRecord, StoreError};
use annals_core::{Payload, Position, StreamId, StreamVersion};
use rusqlite::{Connection, OptionalExtension, params};

use crate::error::{corrupt, translate};
use crate::event_row::{number, text};
use crate::job::Group;
use crate::read::signed;
use crate::statements::{READ_SNAPSHOT, WRITE_SNAPSHOT};

pub(crate) fn snapshot(
    connection: &Connection,
    stream: &StreamId,
    state: &str,
    place: &str,
) -> Result<Option<SnapshotRecord>, StoreError> {
    let failed = |error| translate(error, place);
    let mut statement = connection.prepare_cached(READ_SNAPSHOT).map_err(failed)?;
    let record = statement
        .query_row([stream.as_str(), state], |row| {
            Ok((|| {
                Ok(SnapshotRecord {
                    version: StreamVersion::new(number(row, 0)?),
                    position: Position::new(number(row, 1)?),
                    shape: row.get::<_, i64>(2).map_err(corrupt)?.cast_unsigned(),
                    state: Payload::from_stored(text(row, 3)?),
                })
            })())
        })
        .optional()
        .map_err(failed)?;
    record.transpose()
}

pub(crate) fn save_snapshot(
    group: &mut Group<'_>,
    stream: &StreamId,
    state: &str,
    snapshot: &SnapshotRecord,
) -> Result<(), StoreError> {
    let values = params![
        stream.as_str(),
        state,
        signed(snapshot.version.get()),
        signed(snapshot.position.get()),
        snapshot.shape.cast_signed(),
        snapshot.state.as_str(),
    ];
    group.connection.execute(WRITE_SNAPSHOT, values).map_err(group.failed())?;
    Ok(())
}
