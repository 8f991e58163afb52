//! Checkpoints, and the texts that components keep under a key.

use annals_core::Position;
use annals_core::store::{Advance, Fence, StoreError};
use rusqlite::{Connection, OptionalExtension, params};

use crate::error::{corrupt, translate};
use crate::read::{position, signed};
use crate::statements::{
    ADVANCE_CHECKPOINT, FENCE_CHECKPOINT, READ_CHECKPOINT, READ_STATE, REMOVE_CHECKPOINT,
    WRITE_CHECKPOINT, WRITE_STATE,
};

pub(crate) fn checkpoint(
    connection: &Connection,
    name: &str,
    place: &str,
) -> Result<Option<Position>, StoreError> {
    let found = connection
        .prepare_cached(READ_CHECKPOINT)
        .and_then(|mut statement| statement.query_row([name], |row| row.get(0)).optional())
        .map_err(|error| translate(error, place))?;
    found.map(position).transpose()
}

pub(crate) fn set_checkpoint(
    connection: &Connection,
    name: &str,
    position: Position,
    place: &str,
) -> Result<(), StoreError> {
    connection
        .prepare_cached(WRITE_CHECKPOINT)
        .and_then(|mut statement| statement.execute(params![name, signed(position.get())]))
        .map_err(|error| translate(error, place))?;
    Ok(())
}

pub(crate) fn remove_checkpoint(
    connection: &Connection,
    name: &str,
    place: &str,
) -> Result<(), StoreError> {
    connection.execute(REMOVE_CHECKPOINT, [name]).map_err(|error| translate(error, place))?;
    Ok(())
}

/// Gives the checkpoint a new token.
pub(crate) fn fence_checkpoint(
    connection: &Connection,
    name: &str,
    place: &str,
) -> Result<Fence, StoreError> {
    let (token, at): (i64, i64) = connection
        .prepare_cached(FENCE_CHECKPOINT)
        .and_then(|mut statement| statement.query_row([name], |row| Ok((row.get(0)?, row.get(1)?))))
        .map_err(|error| translate(error, place))?;
    Ok(Fence { token: u64::try_from(token).map_err(corrupt)?, position: position(at)? })
}

pub(crate) fn advance_checkpoint(
    connection: &Connection,
    step: &Advance,
    place: &str,
) -> Result<(), StoreError> {
    let Advance { name, token, from, to } = step;
    let moved = connection
        .prepare_cached(ADVANCE_CHECKPOINT)
        .and_then(|mut statement| {
            let (from, to) = (signed(from.get()), signed(to.get()));
            statement.execute(params![name, signed(*token), from, to])
        })
        .map_err(|error| translate(error, place))?;
    if moved == 0 { Err(step.refused()) } else { Ok(()) }
}

pub(crate) fn state(
    connection: &Connection,
    key: &str,
    place: &str,
) -> Result<Option<String>, StoreError> {
    connection
        .prepare_cached(READ_STATE)
        .and_then(|mut statement| statement.query_row([key], |row| row.get(0)).optional())
        .map_err(|error| translate(error, place))
}

pub(crate) fn put_state(
    connection: &Connection,
    key: &str,
    text: &str,
    place: &str,
) -> Result<(), StoreError> {
    connection
        .prepare_cached(WRITE_STATE)
        .and_then(|mut statement| statement.execute([key, text]))
        .map_err(|error| translate(error, place))?;
    Ok(())
}
