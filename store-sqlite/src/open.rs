//! Opening a file that others may be opening too.

use std::thread;
use std::time::{Duration, Instant};

use annals_core::store::StoreError;
use rusqlite::Connection;

use crate::options::SqliteOptions;
use crate::{connection, migrate};

/// How long one who met another process at the door waits before asking again.
const ASK_AGAIN: Duration = Duration::from_millis(5);

/// Opens the file for writing and brings it to the newest schema.
///
/// SQLite refuses at once, whatever its `busy_timeout`, where two that waited could wait for each
/// other: two processes that turn a new file into one with a write-ahead log. Nothing is half done
/// then, so it is asked again until that time is over.
pub(crate) fn open(options: &SqliteOptions) -> Result<Connection, StoreError> {
    let begun = Instant::now();
    loop {
        match open_once(options) {
            Err(StoreError::Locked { .. }) if begun.elapsed() < options.busy_timeout => {
                thread::sleep(ASK_AGAIN);
            }
            opened => return opened,
        }
    }
}

fn open_once(options: &SqliteOptions) -> Result<Connection, StoreError> {
    let mut connection = connection::open_writer(options)?;
    migrate::migrate(&mut connection, options)?;
    Ok(connection)
}
