//! Connections that read beside the writer.

use std::sync::{Arc, Mutex, PoisonError};

use annals_core::store::StoreError;
use rusqlite::Connection;
use tokio::sync::{AcquireError, Semaphore, SemaphorePermit};

use crate::connection::open_reader;
use crate::file::OpenedFile;
use crate::options::SqliteOptions;

/// A bounded pool. Reads run on threads for blocking work.
#[derive(Clone)]
pub(crate) struct Readers {
    idle: Arc<Mutex<Vec<Connection>>>,
    permits: Arc<Semaphore>,
    options: Arc<SqliteOptions>,
    file: OpenedFile,
}

impl Readers {
    pub(crate) fn new(options: Arc<SqliteOptions>, file: OpenedFile) -> Self {
        let permits = Arc::new(Semaphore::new(options.readers));
        Self { idle: Arc::default(), permits, options, file }
    }

    /// Lets no read in, and waits for those that are in, for as long as the permit is kept.
    pub(crate) async fn hold_back(&self) -> Result<SemaphorePermit<'_>, AcquireError> {
        // At most 64.
        self.permits.acquire_many(self.options.readers as u32).await
    }

    /// Runs `work` with a connection, waiting for one if all are busy.
    pub(crate) async fn read<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    {
        let permit = self.permits.clone().acquire_owned().await.map_err(|_| StoreError::Closed)?;
        let pool = self.clone();
        let job = move || {
            pool.file.check()?;
            let connection = match pool.take() {
                Some(connection) => connection,
                None => open_reader(&pool.options)?,
            };
            let result = work(&connection);
            pool.give_back(connection);
            drop(permit);
            result
        };
        match tokio::task::spawn_blocking(job).await {
            Ok(result) => result,
            Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            Err(_) => Err(StoreError::Closed),
        }
    }

    /// The file that is read.
    pub(crate) fn file(&self) -> OpenedFile {
        self.file.clone()
    }

    /// Lets no further read in and closes the idle connections.
    pub(crate) fn close(&self) {
        self.permits.close();
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    fn take(&self) -> Option<Connection> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }

    fn give_back(&self, connection: Connection) {
        if !self.permits.is_closed() {
            self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
        }
    }
}
