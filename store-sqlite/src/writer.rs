//! The one writer: a thread that collects the writes that are waiting and commits them together. A
//! short write that is alone is committed by its caller, which saves two changes of thread.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, TryLockError};
use std::time::{Duration, Instant};

use annals_core::store::{StoreError, WakeupSender, measure_commit};
use annals_core::{Position, cut_time};
use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};
use tokio::task::yield_now;

use crate::error::{translate, translate_commit};
use crate::file::OpenedFile;
use crate::job::{Group, Isolation, Job, Size, job};
use crate::log::read_end;
use crate::options::SqliteOptions;
use crate::readers::Readers;
use crate::statements::{BEGIN, COMMIT};
use crate::wal::Wal;

/// How many writes share a commit at the most: it bounds how long the first of them waits.
const MAX_GROUP: usize = 256;

/// How many of the last commits the pace is averaged over.
const PACE_COMMITS: u64 = 8;

/// The way to the writer. When the last one is dropped, the thread finishes what is queued and
/// ends.
#[derive(Clone)]
pub(crate) struct Writer {
    jobs: mpsc::Sender<Box<dyn Job>>,
    desk: Arc<Desk>,
}

/// The connection that writes, and what tells who may sit down at it.
struct Desk {
    /// `None` once it is closed.
    connection: Mutex<Option<Connection>>,
    /// How many writes have come and are not finished.
    present: Arc<AtomicUsize>,
    /// What a commit of one write has taken of late, in nanoseconds.
    pace: AtomicU64,
    file: OpenedFile,
    /// The write-ahead log, which only the thread may begin anew, because that takes long.
    wal: Mutex<Wal>,
    wal_is_long: AtomicBool,
    options: Arc<SqliteOptions>,
    wakeups: WakeupSender,
    place: String,
}

impl Writer {
    /// Starts the thread. The receiver is told when it has ended and its connection is closed.
    pub(crate) fn start(
        connection: Connection,
        options: Arc<SqliteOptions>,
        readers: Readers,
        wakeups: WakeupSender,
    ) -> Result<(Self, oneshot::Receiver<()>), StoreError> {
        let (jobs, queue) = mpsc::channel(options.queue);
        let (ended, end) = oneshot::channel();
        let place = options.place();
        let desk = Arc::new(Desk {
            connection: Mutex::new(Some(connection)),
            present: Arc::default(),
            // Not known yet: the thread finds out.
            pace: AtomicU64::new(u64::MAX),
            file: readers.file(),
            wal: Mutex::new(Wal::new(&options, readers)),
            wal_is_long: AtomicBool::new(false),
            options,
            wakeups,
            place: place.clone(),
        });
        let thread = desk.clone();
        std::thread::Builder::new()
            .name("annals-sqlite".to_owned())
            .spawn(move || {
                thread.serve(queue);
                // Nobody listens unless the store is being closed.
                let _ = ended.send(());
            })
            .map_err(|error| StoreError::Unavailable { place, source: Arc::new(error) })?;
        Ok((Self { jobs, desk }, end))
    }

    /// Queues a write and waits until it is committed. Waits for room when the queue is full.
    pub(crate) async fn write<T, F>(
        &self,
        isolation: Isolation,
        size: Size,
        work: F,
    ) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&mut Group<'_>) -> Result<T, StoreError> + Send + 'static,
    {
        let presence = self.desk.come_in();
        let (job, result) = job(isolation, size, move |group: &mut Group<'_>| {
            // Under way until it is done, even if the caller has gone.
            let _presence = presence;
            work(group)
        });
        self.jobs.send(job).await.map_err(|_| StoreError::Closed)?;
        result.await.map_err(|_| lost_reply())?
    }

    /// As [`write`](Self::write), for work that takes microseconds and undoes itself.
    pub(crate) async fn write_short<T, F>(&self, size: Size, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&mut Group<'_>) -> Result<T, StoreError> + Send + 'static,
    {
        let presence = self.desk.come_in();
        let (job, result) = job(Isolation::None, size, move |group: &mut Group<'_>| {
            let _presence = presence;
            work(group)
        });
        let mut job = Some(job);
        if self.desk.is_quick() {
            // Whatever else is ready to write, in this task too, comes in first.
            yield_now().await;
            if self.desk.present.load(Ordering::Relaxed) == 1 {
                job = job.and_then(|job| self.desk.commit_here(job));
            }
        }
        if let Some(job) = job {
            self.jobs.send(job).await.map_err(|_| StoreError::Closed)?;
        }
        result.await.map_err(|_| lost_reply())?
    }
}

/// The thread had the write and went away without a word about it.
fn lost_reply() -> StoreError {
    StoreError::OutcomeUnknown {
        source: Arc::new(std::io::Error::other("the writer's thread ended before it answered")),
    }
}

/// Counts a write for as long as it is under way.
struct Presence(Arc<AtomicUsize>);

impl Drop for Presence {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Desk {
    fn come_in(&self) -> Presence {
        self.present.fetch_add(1, Ordering::Relaxed);
        Presence(self.present.clone())
    }

    /// Whether commits are so short that a thread of the runtime may be kept for one.
    fn is_quick(&self) -> bool {
        Duration::from_nanos(self.pace.load(Ordering::Relaxed)) < self.options.in_place
            && !self.wal_is_long.load(Ordering::Relaxed)
    }

    /// Serves the queue until nobody can send any more, then closes the connection.
    fn serve(&self, mut queue: mpsc::Receiver<Box<dyn Job>>) {
        let mut jobs = Vec::new();
        while let Some(first) = queue.blocking_recv() {
            // Work of unknown length ends a group, so that the writes behind it are not held up by
            // more of its kind.
            let mut more = first.isolation() == Isolation::None;
            let mut size = first.size();
            jobs.push(first);
            while more && jobs.len() < MAX_GROUP && !size.fills_a_commit() {
                let Ok(job) = queue.try_recv() else { break };
                more = job.isolation() == Isolation::None;
                size += job.size();
                jobs.push(job);
            }
            let mut seat = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
            let Some(connection) = seat.as_mut() else { continue };
            let begun = begin(connection).map_err(|error| translate(error, &self.place));
            self.commit(connection, begun, &mut jobs);
            if self.wal_is_long.swap(false, Ordering::Relaxed) {
                self.wal.lock().unwrap_or_else(PoisonError::into_inner).begin_anew(connection);
            }
        }
        self.connection.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    /// Commits one write on the caller's thread, if nothing has to be waited for but the disk.
    /// Gives it back otherwise.
    fn commit_here(&self, job: Box<dyn Job>) -> Option<Box<dyn Job>> {
        let mut seat = match self.connection.try_lock() {
            Ok(seat) => seat,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return Some(job),
        };
        let Some(connection) = seat.as_mut() else { return Some(job) };
        // The thread waits for other processes, not the runtime.
        let begun = connection.busy_timeout(Duration::ZERO).and_then(|()| begin(connection));
        let patient = connection.busy_timeout(self.options.busy_timeout);
        match begun.and(patient) {
            Ok(()) => {
                self.commit(connection, Ok(()), &mut vec![job]);
                None
            }
            // The thread meets the same trouble, if it lasts, and reports it.
            Err(_) => {
                roll_back(connection);
                Some(job)
            }
        }
    }

    /// Runs a group in a transaction that has begun, commits it, and tells everybody.
    fn commit(
        &self,
        connection: &mut Connection,
        begun: Result<(), StoreError>,
        jobs: &mut Vec<Box<dyn Job>>,
    ) {
        let started = Instant::now();
        let outcome = begun
            .and_then(|()| self.file.check().inspect_err(|_| roll_back(connection)))
            .and_then(|()| commit_group(connection, jobs, &self.options, &self.place));
        if jobs.len() == 1 && outcome.is_ok() {
            self.keep_pace(started.elapsed());
        }
        if let Ok(Some((head, events))) = outcome {
            // An append inside of a transaction says nothing of its size.
            let appends = jobs.iter().filter(|job| job.size().has_events()).count().max(1);
            measure_commit("sqlite", appends, events, started.elapsed());
            self.wakeups.wake(head);
        }
        if let Ok(mut wal) = self.wal.try_lock()
            && wal.is_long()
        {
            self.wal_is_long.store(true, Ordering::Relaxed);
        }
        let outcome = outcome.map(|_| ());
        for job in jobs.drain(..) {
            job.finish(outcome.clone());
        }
    }

    fn keep_pace(&self, took: Duration) {
        let took = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        let pace = match self.pace.load(Ordering::Relaxed) {
            u64::MAX => took,
            pace => pace / PACE_COMMITS * (PACE_COMMITS - 1) + took / PACE_COMMITS,
        };
        self.pace.store(pace, Ordering::Relaxed);
    }
}

fn begin(connection: &Connection) -> rusqlite::Result<()> {
    connection.prepare_cached(BEGIN)?.execute([]).map(|_| ())
}

/// Runs a group in the transaction that has begun, and commits it. Returns the new head if the log
/// has grown, and by how many events.
fn commit_group(
    connection: &mut Connection,
    jobs: &mut [Box<dyn Job>],
    options: &SqliteOptions,
    place: &str,
) -> Result<Option<(Position, u64)>, StoreError> {
    let (before, last) = match read_end(connection, place) {
        Ok(end) => end,
        Err(error) => {
            roll_back(connection);
            return Err(error);
        }
    };
    let now = cut_time(options.clock.now());
    // No event is recorded before the one that precedes it, whatever the clock says.
    let recorded_at = last.map_or(now, |last| last.max(now));
    let mut group = Group { connection, head: before, now, recorded_at, place, broken: None };
    for job in jobs {
        job.run(&mut group);
        if group.broken.is_some() {
            break;
        }
    }
    let Group { head, broken, connection, .. } = group;
    if let Some(error) = broken {
        roll_back(connection);
        return Err(error);
    }
    match connection.prepare_cached(COMMIT).and_then(|mut commit| commit.execute([])) {
        Ok(_) => Ok((head > before).then(|| (head, head.since(before)))),
        Err(error) => {
            let error = translate_commit(error, place);
            roll_back(connection);
            Err(error)
        }
    }
}

/// Undoes the transaction, unless SQLite has done so already.
fn roll_back(connection: &Connection) {
    if !connection.is_autocommit()
        && let Err(again) = connection.execute_batch("ROLLBACK")
    {
        tracing::error!(%again, "a transaction could not be rolled back");
    }
}
