//! The one writer: a thread that collects the writes that are waiting and commits them together.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use annals_core::Position;
use annals_core::store::{StoreError, WakeupSender};
use jiff::Timestamp;
use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use crate::error::{translate, translate_commit};
use crate::log::read_head;
use crate::options::SqliteOptions;
use crate::statements::{BEGIN, COMMIT};

/// How many writes share a commit at the most: it bounds how long the first of them waits.
const MAX_GROUP: usize = 256;

/// The open transaction of a group of writes.
pub(crate) struct Group<'c> {
    pub(crate) connection: &'c mut Connection,
    /// The position of the last event, including what this group has inserted.
    pub(crate) head: Position,
    /// When the group's events are recorded.
    pub(crate) now: Timestamp,
    pub(crate) place: &'c str,
    /// Why the group cannot be committed any more.
    pub(crate) broken: Option<StoreError>,
}

/// Whether a write that fails may have changed something already.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Isolation {
    /// It sees to it itself that a failure changes nothing.
    None,
    /// It runs in a savepoint of its own.
    Savepoint,
}

/// One write, erased of its types.
trait Job: Send {
    fn run(&mut self, group: &mut Group<'_>);
    fn finish(self: Box<Self>, outcome: Result<(), StoreError>);
    fn isolation(&self) -> Isolation;
}

struct Task<T, F> {
    work: Option<F>,
    result: Option<Result<T, StoreError>>,
    reply: oneshot::Sender<Result<T, StoreError>>,
    isolation: Isolation,
}

impl<T, F> Job for Task<T, F>
where
    T: Send,
    F: FnOnce(&mut Group<'_>) -> Result<T, StoreError> + Send,
{
    fn run(&mut self, group: &mut Group<'_>) {
        let Some(work) = self.work.take() else { return };
        let result = match self.isolation {
            Isolation::None => guarded(work, group).unwrap_or_else(|panic| {
                // Nobody knows what it had written: the whole group goes.
                Err(group.broken.get_or_insert(panic).clone())
            }),
            Isolation::Savepoint => in_savepoint(work, group),
        };
        self.result = Some(result);
    }

    fn finish(self: Box<Self>, outcome: Result<(), StoreError>) {
        let result = match (self.result, outcome) {
            // Its own error tells more than that of the group.
            (Some(Err(error)), _) | (_, Err(error)) => Err(error),
            (Some(Ok(value)), Ok(())) => Ok(value),
            (None, Ok(())) => Err(StoreError::Closed),
        };
        // Nobody waits any more when the caller dropped its future.
        let _ = self.reply.send(result);
    }

    fn isolation(&self) -> Isolation {
        self.isolation
    }
}

/// Runs work that may panic: the writer outlives it. What it wrote until then has to be undone.
fn guarded<T>(
    work: impl FnOnce(&mut Group<'_>) -> Result<T, StoreError>,
    group: &mut Group<'_>,
) -> Result<Result<T, StoreError>, StoreError> {
    catch_unwind(AssertUnwindSafe(|| work(group))).map_err(|panic| {
        let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
        let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
        StoreError::refused(format!("it panicked: {}", text.unwrap_or_default()))
    })
}

/// Runs work so that a failure takes back what it wrote, and nothing else.
pub(crate) fn in_savepoint<T>(
    work: impl FnOnce(&mut Group<'_>) -> Result<T, StoreError>,
    group: &mut Group<'_>,
) -> Result<T, StoreError> {
    let head = group.head;
    group.run_sql("SAVEPOINT one")?;
    let result = guarded(work, group).flatten();
    if result.is_err() {
        group.head = head;
        group.run_sql("ROLLBACK TO one")?;
    }
    group.run_sql("RELEASE one")?;
    result
}

impl Group<'_> {
    /// Runs a statement that holds the transaction together; if it fails, the group is lost.
    fn run_sql(&mut self, sql: &str) -> Result<(), StoreError> {
        self.connection.execute_batch(sql).map_err(|error| self.lost(error))
    }

    /// Notes that the transaction cannot be committed any more.
    pub(crate) fn lost(&mut self, error: rusqlite::Error) -> StoreError {
        let error = translate(error, self.place);
        self.broken.get_or_insert(error).clone()
    }

    pub(crate) fn failed(&self) -> impl Fn(rusqlite::Error) -> StoreError + use<> {
        let place = self.place.to_owned();
        move |error| translate(error, &place)
    }
}

/// The way to the writer. When the last one is dropped, the thread finishes what is queued and
/// ends.
#[derive(Clone)]
pub(crate) struct Writer {
    jobs: mpsc::Sender<Box<dyn Job>>,
}

impl Writer {
    /// Starts the thread. The receiver is told when it has ended and its connection is closed.
    pub(crate) fn start(
        connection: Connection,
        options: Arc<SqliteOptions>,
        wakeups: WakeupSender,
    ) -> Result<(Self, oneshot::Receiver<()>), StoreError> {
        let (jobs, queue) = mpsc::channel(options.queue);
        let (ended, end) = oneshot::channel();
        let place = options.place();
        std::thread::Builder::new()
            .name("annals-sqlite".to_owned())
            .spawn(move || {
                run(connection, queue, &options, &wakeups);
                // Nobody listens unless the store is being closed.
                let _ = ended.send(());
            })
            .map_err(|error| StoreError::Unavailable { place, source: Arc::new(error) })?;
        Ok((Self { jobs }, end))
    }

    /// Queues a write and waits until it is committed. Waits for room when the queue is full.
    pub(crate) async fn write<T, F>(&self, isolation: Isolation, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&mut Group<'_>) -> Result<T, StoreError> + Send + 'static,
    {
        let (reply, result) = oneshot::channel();
        let task = Task { work: Some(work), result: None, reply, isolation };
        self.jobs.send(Box::new(task)).await.map_err(|_| StoreError::Closed)?;
        result.await.map_err(|_| StoreError::Closed)?
    }
}

fn run(
    mut connection: Connection,
    mut queue: mpsc::Receiver<Box<dyn Job>>,
    options: &SqliteOptions,
    wakeups: &WakeupSender,
) {
    let place = options.place();
    let mut jobs = Vec::new();
    while let Some(first) = queue.blocking_recv() {
        // Work of unknown length ends a group, so that the writes behind it are not held up by
        // more of its kind.
        let mut more = first.isolation() == Isolation::None;
        jobs.push(first);
        while more && jobs.len() < MAX_GROUP {
            let Ok(job) = queue.try_recv() else { break };
            more = job.isolation() == Isolation::None;
            jobs.push(job);
        }
        let outcome = commit_group(&mut connection, &mut jobs, options, &place);
        if let Ok(Some(head)) = outcome {
            wakeups.wake(head);
        }
        let outcome = outcome.map(|_| ());
        for job in jobs.drain(..) {
            job.finish(outcome.clone());
        }
    }
}

/// Runs and commits a group. Returns the new head if the log has grown.
fn commit_group(
    connection: &mut Connection,
    jobs: &mut [Box<dyn Job>],
    options: &SqliteOptions,
    place: &str,
) -> Result<Option<Position>, StoreError> {
    connection
        .prepare_cached(BEGIN)
        .and_then(|mut begin| begin.execute([]))
        .map_err(|error| translate(error, place))?;
    let before = match read_head(connection, place) {
        Ok(head) => head,
        Err(error) => return Err(roll_back(connection, error)),
    };
    let now = options.clock.now().as_microsecond();
    let now = Timestamp::from_microsecond(now).unwrap_or(Timestamp::UNIX_EPOCH);
    let mut group = Group { connection, head: before, now, place, broken: None };
    for job in jobs {
        job.run(&mut group);
        if group.broken.is_some() {
            break;
        }
    }
    let Group { head, broken, connection, .. } = group;
    if let Some(error) = broken {
        return Err(roll_back(connection, error));
    }
    match connection.prepare_cached(COMMIT).and_then(|mut commit| commit.execute([])) {
        Ok(_) => Ok((head > before).then_some(head)),
        Err(error) => {
            let error = translate_commit(error, place);
            Err(roll_back(connection, error))
        }
    }
}

/// Undoes the transaction, unless SQLite has done so already.
fn roll_back(connection: &Connection, error: StoreError) -> StoreError {
    if !connection.is_autocommit()
        && let Err(again) = connection.execute_batch("ROLLBACK")
    {
        tracing::error!(%again, "a transaction could not be rolled back");
    }
    error
}
