//! Checkpoints, and the texts that components keep under a key.

use annals_core::Position;
use annals_core::store::StoreError;
use rusqlite::{Connection, OptionalExtension, params};

use crate::error::translate;
use crate::read::{position, signed};
use crate::statements::{
    READ_CHECKPOINT, READ_STATE, REMOVE_CHECKPOINT, WRITE_CHECKPOINT, WRITE_STATE,
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
