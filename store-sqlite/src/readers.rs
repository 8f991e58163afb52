//! Connections that read beside the writer.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use annals_core::store::StoreError;
use rusqlite::Connection;
use tokio::sync::{AcquireError, Semaphore, SemaphorePermit};

use crate::connection::open_reader;
use crate::file::OpenedFile;
use crate::options::SqliteOptions;

/// How many of the last reads the pace is averaged over.
const PACE_READS: u64 = 8;

/// A bounded pool. Reads run on threads for blocking work.
#[derive(Clone)]
pub(crate) struct Readers {
    idle: Arc<Mutex<Vec<Connection>>>,
    permits: Arc<Semaphore>,
    options: Arc<SqliteOptions>,
    file: OpenedFile,
    /// What reads on the threads of their callers have taken of late, in nanoseconds.
    pace: Arc<AtomicU64>,
}

impl Readers {
    pub(crate) fn new(options: Arc<SqliteOptions>, file: OpenedFile) -> Self {
        let permits = Arc::new(Semaphore::new(options.readers));
        Self { idle: Arc::default(), permits, options, file, pace: Arc::default() }
    }

    /// Lets no read in, and waits for those that are in, for as long as the permit is kept.
    pub(crate) async fn hold_back(&self) -> Result<SemaphorePermit<'_>, AcquireError> {
        // At most 64.
        self.permits.acquire_many(self.options.readers as u32).await
    }

    /// Runs `work`, which reads little, on the thread of its caller: if a connection is idle, and as
    /// long as such work takes no longer than a commit may that is made in place.
    pub(crate) fn read_here<T>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, StoreError>,
    ) -> Option<Result<T, StoreError>> {
        let limit = u64::try_from(self.options.in_place.as_nanos()).unwrap_or(u64::MAX);
        if self.pace.load(Ordering::Relaxed) >= limit {
            // It comes down with every read elsewhere, so that it is tried again.
            self.keep_pace(Duration::ZERO);
            return None;
        }
        let _permit = self.permits.try_acquire().ok()?;
        let connection = self.take()?;
        let started = Instant::now();
        let result = self.file.check().and_then(|()| work(&connection));
        self.keep_pace(started.elapsed());
        self.give_back(connection);
        Some(result)
    }

    fn keep_pace(&self, took: Duration) {
        let took = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        let pace = self.pace.load(Ordering::Relaxed);
        let pace = pace / PACE_READS * (PACE_READS - 1) + took / PACE_READS;
        self.pace.store(pace, Ordering::Relaxed);
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

    pub(crate) fn options(&self) -> Arc<SqliteOptions> {
        self.options.clone()
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
