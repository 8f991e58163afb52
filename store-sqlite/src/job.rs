//! One write on its way through the writer, and the transaction it shares with others.

use std::ops::AddAssign;
use std::panic::{AssertUnwindSafe, catch_unwind};

use annals_core::Position;
use annals_core::store::{Append, StoreError};
use jiff::Timestamp;
use rusqlite::Connection;
use tokio::sync::oneshot;

use crate::error::translate;

/// The open transaction of a group of writes.
pub(crate) struct Group<'c> {
    pub(crate) connection: &'c mut Connection,
    /// The position of the last event, including what this group has inserted.
    pub(crate) head: Position,
    /// The time by the store's clock.
    pub(crate) now: Timestamp,
    /// When the group's events are recorded.
    pub(crate) recorded_at: Timestamp,
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

/// What a write brings into a commit.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Size {
    events: usize,
    bytes: usize,
}

/// How many events share a commit: enough to make the commit cheap, few enough to let other writes in
/// between.
const COMMIT_EVENTS: usize = 5_000;

/// How many bytes of payloads and metadata share a commit.
const COMMIT_BYTES: usize = 16 << 20;

/// How many events are written so fast that the commit takes longer.
const SHORT_EVENTS: usize = 16;

/// How many bytes are.
const SHORT_BYTES: usize = 64 << 10;

impl Size {
    pub(crate) fn of(append: &Append) -> Self {
        Self { events: append.event_count(), bytes: append.bytes() }
    }

    /// Whether it is an append with something to write.
    pub(crate) fn has_events(self) -> bool {
        self.events > 0
    }

    /// Whether it is written in no time beside the commit.
    pub(crate) fn is_short(self) -> bool {
        self.events <= SHORT_EVENTS && self.bytes <= SHORT_BYTES
    }

    /// Whether nothing more should come into the commit.
    pub(crate) fn fills_a_commit(self) -> bool {
        self.events >= COMMIT_EVENTS || self.bytes >= COMMIT_BYTES
    }
}

impl AddAssign for Size {
    fn add_assign(&mut self, other: Self) {
        self.events += other.events;
        self.bytes += other.bytes;
    }
}

/// One write, erased of its types.
pub(crate) trait Job: Send {
    /// Does the work in the group's transaction, and keeps its result.
    fn run(&mut self, group: &mut Group<'_>);
    /// Tells the caller, once the group is committed or lost.
    fn finish(self: Box<Self>, outcome: Result<(), StoreError>);
    fn isolation(&self) -> Isolation;
    fn size(&self) -> Size;
}

/// A job, and where its result will arrive.
pub(crate) fn job<T, F>(isolation: Isolation, size: Size, work: F) -> (Box<dyn Job>, Reply<T>)
where
    T: Send + 'static,
    F: FnOnce(&mut Group<'_>) -> Result<T, StoreError> + Send + 'static,
{
    let (reply, result) = oneshot::channel();
    (Box::new(Task { work: Some(work), result: None, reply, isolation, size }), result)
}

pub(crate) type Reply<T> = oneshot::Receiver<Result<T, StoreError>>;

struct Task<T, F> {
    work: Option<F>,
    result: Option<Result<T, StoreError>>,
    reply: oneshot::Sender<Result<T, StoreError>>,
    isolation: Isolation,
    size: Size,
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

    fn size(&self) -> Size {
        self.size
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
    pub(crate) fn run_sql(&mut self, sql: &str) -> Result<(), StoreError> {
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
