//! Keeping the write-ahead log short beside readers that overlap.
//!
//! SQLite writes the log back by itself, but begins it anew only in a moment without readers, which
//! may never come. Past a limit the writer makes such a moment.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use rusqlite::Connection;

use crate::block_on::wait_for;
use crate::options::SqliteOptions;
use crate::readers::Readers;
use crate::statements::CHECKPOINT_WAL;

/// How long the readers of this process are waited for, and then those of others. New reads and all
/// writes wait meanwhile.
const PATIENCE: Duration = Duration::from_millis(100);

/// How long it rests after a look, and after an attempt that readers prevented.
const REST: Duration = Duration::from_millis(250);

/// Looks after the write-ahead log of a file.
pub(crate) struct Wal {
    path: PathBuf,
    limit: u64,
    busy_timeout: Duration,
    readers: Readers,
    looked: Instant,
}

impl Wal {
    pub(crate) fn new(options: &SqliteOptions, readers: Readers) -> Self {
        let mut path = options.path.clone().into_os_string();
        path.push("-wal");
        Self {
            path: path.into(),
            limit: options.wal_bytes,
            busy_timeout: options.busy_timeout,
            readers,
            looked: Instant::now(),
        }
    }

    /// Whether the log is past its limit. Looks now and then only.
    pub(crate) fn is_long(&mut self) -> bool {
        if self.looked.elapsed() < REST {
            return false;
        }
        self.looked = Instant::now();
        fs::metadata(&self.path).is_ok_and(|log| log.len() > self.limit)
    }

    /// Begins the log anew, if the readers end in time. Must not be called in a transaction.
    pub(crate) fn begin_anew(&mut self, connection: &Connection) {
        let Some(_nobody_reads) = wait_for(self.readers.hold_back(), PATIENCE) else { return };
        let restarted = connection
            .busy_timeout(PATIENCE)
            .and_then(|()| connection.query_row(CHECKPOINT_WAL, [], |row| row.get::<_, bool>(0)));
        let patient = connection.busy_timeout(self.busy_timeout);
        match restarted.and_then(|busy| patient.map(|()| busy)) {
            Ok(false) => {}
            Ok(true) => tracing::debug!("readers of other processes keep the write-ahead log"),
            Err(error) => tracing::warn!(%error, "the write-ahead log could not be written back"),
        }
        self.looked = Instant::now();
    }
}
