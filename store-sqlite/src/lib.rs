//! The embedded store of Annals: one file, one writer, readers beside it.
//!
//! Writes go to a thread of their own, which commits all that are waiting together; one that is alone
//! is committed where it is. The store knows no projection; it keeps rows, not read models.

mod append;
mod block_on;
mod browse;
mod checkpoints;
mod columns;
mod commands;
mod connection;
mod error;
mod event_row;
mod examine;
mod file;
mod indexes;
mod job;
mod log;
mod migrate;
mod open;
mod options;
#[cfg(test)]
mod plans;
mod read;
mod readers;
mod restore;
mod schemas;
mod snapshots;
mod statements;
mod store;
mod table_sql;
mod tables;
mod transaction;
mod value;
mod visit;
mod wal;
mod writer;

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use annals_core::store::{StoreError, StoreMark, WakeupSender};
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use block_on::Host;
use file::OpenedFile;
pub use options::{SqliteOptions, Synchronous};
use readers::Readers;
use writer::Writer;

/// A store in one SQLite file. Cloning is cheap; all clones share the writer.
///
/// Several processes may open the same file. Once the last clone is dropped, what is queued is
/// written and the file is closed; [`close`](Self::close) waits for that.
///
/// ```
/// use annals_core::store::EventStore;
/// use annals_core::Position;
/// use annals_store_sqlite::SqliteStore;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let directory = tempfile::tempdir()?;
/// let store = SqliteStore::open(directory.path().join("bank.db")).await?;
/// assert_eq!(store.head().await?, Position::START);
/// store.close().await;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct SqliteStore {
    inner: Arc<Inner>,
}

struct Inner {
    /// `None` once the store is closed.
    writer: Mutex<Option<Writer>>,
    ended: Mutex<Option<oneshot::Receiver<()>>>,
    readers: Readers,
    wakeups: WakeupSender,
    place: Arc<str>,
    work_timeout: Duration,
}

impl SqliteStore {
    /// Opens a file with the default options; it is made if it does not exist.
    ///
    /// # Errors
    /// As [`open_with`](Self::open_with).
    pub async fn open(path: impl Into<PathBuf>) -> Result<Self, StoreError> {
        Self::open_with(SqliteOptions::new(path)).await
    }

    /// Opens a file and brings its schema to the newest version.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the directory does not exist or the file cannot be
    /// opened, [`StoreError::ReadOnly`] when it or its directory cannot be written,
    /// [`StoreError::Locked`] when another program keeps it locked, [`StoreError::Corrupt`] when
    /// it is damaged or no database, [`StoreError::Newer`] when a newer version made it,
    /// [`StoreError::Invalid`] when it belongs to another program.
    pub async fn open_with(options: SqliteOptions) -> Result<Self, StoreError> {
        let options = Arc::new(options);
        let opening = options.clone();
        let opened = tokio::task::spawn_blocking(move || open::open(&opening));
        let connection = opened.await.map_err(|_| StoreError::Closed)??;
        let wakeups = WakeupSender::default();
        let readers = Readers::new(options.clone(), OpenedFile::at(options.path.clone()));
        let started = Writer::start(connection, options.clone(), readers.clone(), wakeups.clone());
        let (writer, ended) = started?;
        Ok(Self {
            inner: Arc::new(Inner {
                writer: Mutex::new(Some(writer)),
                ended: Mutex::new(Some(ended)),
                place: options.place().into(),
                work_timeout: options.work_timeout,
                readers,
                wakeups,
            }),
        })
    }

    /// Lets nothing more in, waits until what is queued is written, and closes the file. Calls on
    /// any clone fail with [`StoreError::Closed`] from now on.
    pub async fn close(&self) {
        self.inner.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
        self.inner.readers.close();
        let ended = self.inner.ended.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(ended) = ended {
            // An error means that the thread is gone already.
            let _ = ended.await;
        }
    }

    /// The way to the writer, unless it is a transaction's own work that asks.
    fn writer(&self) -> Result<Writer, StoreError> {
        StoreMark::of(&*self.inner).refuse_inside()?;
        let writer = self.inner.writer.lock().unwrap_or_else(PoisonError::into_inner);
        writer.clone().ok_or(StoreError::Closed)
    }

    /// How the work of a transaction is run that is begun here.
    fn host(&self) -> Host {
        Host {
            runtime: Handle::try_current().ok(),
            mark: StoreMark::of(&*self.inner),
            patience: self.inner.work_timeout,
        }
    }

    fn readers(&self) -> &Readers {
        &self.inner.readers
    }

    fn wakeup_sender(&self) -> &WakeupSender {
        &self.inner.wakeups
    }

    fn place(&self) -> Arc<str> {
        self.inner.place.clone()
    }
}

impl fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteStore").field("place", &self.inner.place).finish_non_exhaustive()
    }
}
