//! What the engine runs: a consumer, and what it makes of events.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use annals_core::store::{LogFilter, Transaction};
use annals_core::{Position, RecordedEvent};
use async_trait::async_trait;
use tokio::time::Instant;

use crate::concerns::{Concerned, Concerns};
use crate::deliver::Deliver;
use crate::error::ConsumeError;
use crate::inflow::Inflow;
use crate::records::{PartitionId, PartitionRecord};
use crate::stop::Stop;

/// Something that follows the log: what it wants of it, how it is cut, and what it makes of it.
#[derive(Clone)]
pub struct Consumer {
    /// A stable name.
    pub name: Arc<str>,
    /// What it is: `projection`, `handler`, `subscriber`.
    pub kind: &'static str,
    /// Its version in this program. A partition is worked on by programs of its version only.
    pub version: u32,
    /// Which events it wants.
    pub filter: LogFilter,
    /// By what events are kept in order, and parked.
    pub key: KeyBy,
    /// What says which keys an event concerns, where those are none of its own; for targets that are
    /// transactional.
    pub concerns: Option<Arc<dyn Concerns>>,
    /// What becomes of an event that fails.
    pub on_failure: OnFailure,
    /// Into how many partitions it may be cut: 1 where every event may touch everything.
    pub most_partitions: u32,
    /// Whether its checkpoint is also moved by appends that bring their effects along. What they have
    /// dealt with is left alone.
    pub inline: bool,
    /// For how long an event may wait for its effect outside before that is trouble, if it matters.
    pub late_after: Option<Duration>,
    /// Where its events come from, when that is not the log.
    pub inflow: Option<Arc<dyn Inflow>>,
    /// What it makes of events.
    pub handler: Arc<dyn Handler>,
}

impl fmt::Debug for Consumer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Consumer")
            .field("name", &self.name)
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}

/// By what events are kept in order, and parked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyBy {
    /// The stream.
    Stream,
    /// The id of the stream, which is what slices are made of: `order-17` and `payment-17` are one key.
    Id,
}

impl KeyBy {
    /// The key of an event.
    pub fn of(self, event: &RecordedEvent) -> &str {
        match self {
            Self::Stream => event.stream.as_str(),
            Self::Id => event.stream.id(),
        }
    }

    /// The same, to be kept.
    pub(crate) fn kept(self, event: &RecordedEvent) -> Arc<str> {
        match self {
            Self::Stream => event.stream.shared(),
            Self::Id => event.stream.id().into(),
        }
    }
}

/// What becomes of an event that fails.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub enum OnFailure {
    /// Its key is parked with all that comes after it, and tried again later; all other keys go on.
    #[default]
    Park,
    /// The consumer stands still at the event, and tries it again and again.
    Stop,
    /// The event is recorded as parked, and the key goes on without it.
    Skip,
}

impl OnFailure {
    /// As it stands in tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Park => "park",
            Self::Stop => "stop",
            Self::Skip => "skip",
        }
    }
}

/// What a consumer makes of events.
#[async_trait]
pub trait Handler: Send + Sync + 'static {
    /// Begins to work on a partition.
    ///
    /// # Errors
    /// [`ConsumeError::Stop`] when the consumer cannot run here.
    async fn open(&self, partition: &PartitionRecord) -> Result<Target, ConsumeError>;

    /// The partition's checkpoint stands here now.
    fn reached(&self, _partition: &PartitionId, _position: Position) {}

    /// So much of the log was dealt with since this was told last, by what was counted: positions alone
    /// say it of logs only that have one for every event. Told by partitions whose effects are
    /// transactional.
    fn counted(&self, _partition: &PartitionId, _counts: Counts) {}

    /// The partition does something else now.
    fn doing(&self, _partition: &PartitionId, _doing: &Doing) {}

    /// The partition has reached the end of the log, and all that it wants is written. Called again
    /// after a pause for as long as it is there and this says so.
    ///
    /// # Errors
    /// As for a batch.
    async fn caught_up(&self, _partition: &PartitionRecord) -> Result<CaughtUp, ConsumeError> {
        Ok(CaughtUp::GoOn)
    }

    /// Says more about an event that failed by itself.
    fn explain(&self, event: &RecordedEvent, error: ConsumeError) -> ConsumeError {
        let at = || {
            let (event_type, position) = (&event.event_type, event.position);
            format!("`{event_type}` at position {position} of the log, stream `{}`", event.stream)
        };
        match error {
            ConsumeError::Retry(source) => ConsumeError::retry(format!("{}: {source}", at())),
            ConsumeError::Poison(source) => ConsumeError::poison(format!("{}: {source}", at())),
            ConsumeError::Stray(source) => ConsumeError::stray(format!("{}: {source}", at())),
            other => other,
        }
    }

    /// Whether an event of a key may be parked, where the consumer parks: otherwise the partition stands
    /// still at it.
    ///
    /// # Errors
    /// As for a batch.
    async fn parks(&self, _partition: &PartitionId, _key: &str) -> Result<bool, ConsumeError> {
        Ok(true)
    }

    /// Whether what it has done may be done once more, because whoever receives it can tell: from a position
    /// of the log on, when somebody asks for a replay.
    fn replays(&self) -> bool {
        false
    }

    /// Whether this program can carry such a request out; otherwise another may.
    async fn takes(&self, _verb: &str) -> bool {
        true
    }

    /// Carries out what the engine does not know.
    ///
    /// # Errors
    /// Why not.
    async fn request(&self, verb: &str, _arguments: &str) -> Result<String, String> {
        Err(format!("a consumer of this kind knows no `{verb}`"))
    }
}

/// How much of the log was dealt with.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    /// How far the checkpoint was moved.
    pub positions: u64,
    /// How many events of the log were looked at, wanted or not.
    pub looked_at: u64,
    /// How many of them were taken in.
    pub taken_in: u64,
}

/// What follows when a partition has caught up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CaughtUp {
    /// Follow the log.
    GoOn,
    /// Follow the log, and ask again soon.
    AskAgain(Duration),
    /// The partition is not needed any more.
    Finished,
}

/// Where the effects of a partition go.
pub enum Target {
    /// Into the transaction that moves the checkpoint: exactly once.
    Transactional(Box<dyn Consume>),
    /// To the outside, before the checkpoint moves: at least once, with stable ids.
    External(Arc<dyn Deliver>),
}

/// Takes events in and writes what came of them in the transaction that moves the checkpoint.
#[async_trait]
pub trait Consume: Send {
    /// Takes events in, in order.
    ///
    /// # Errors
    /// [`ConsumeError`]; [`forget`](Self::forget) follows.
    async fn take(&mut self, events: Vec<RecordedEvent>) -> Result<(), ConsumeError>;

    /// Takes events in, in order, each under the keys that stand with it: for consumers whose keys are said
    /// by [`Concerns`]. An event may come under a key that has had it.
    ///
    /// # Errors
    /// [`ConsumeError`]; [`forget`](Self::forget) follows.
    async fn take_for(&mut self, _events: Vec<Concerned>) -> Result<(), ConsumeError> {
        Err(ConsumeError::stop("a consumer of this kind deals with events under keys of their own"))
    }

    /// Begins to take the history of one key in once more, from nothing: all events of it follow, and what
    /// is written then stands in place of whatever rows of the key are there.
    ///
    /// # Errors
    /// Why that cannot be done for a single key, and what can.
    fn begin_key(&mut self, _key: &str) -> Result<(), String> {
        Err("a consumer of this kind keeps no rows that belong to a single key".to_owned())
    }

    /// How much is waiting to be written: rows, or events where each is handled on its own.
    fn pending(&self) -> usize;

    /// Gets ready what the next transaction is to write, before it begins: for what reads elsewhere, and may
    /// take its time.
    ///
    /// # Errors
    /// [`ConsumeError`]; [`forget`](Self::forget) follows.
    async fn prepare(&mut self) -> Result<(), ConsumeError> {
        Ok(())
    }

    /// Takes in what is due by itself, without an event, when everything that has come is written. What it
    /// leaves [pending](Self::pending) is written as events are. Returns after how long it is to be asked
    /// again; never, if that is none.
    ///
    /// # Errors
    /// [`ConsumeError`]; [`forget`](Self::forget) follows.
    async fn due(&mut self) -> Result<Option<Duration>, ConsumeError> {
        Ok(None)
    }

    /// After how long it wants to be asked what is due, as far as what it has written last says; then it is
    /// asked sooner than it had said.
    fn due_in(&self) -> Option<Duration> {
        None
    }

    /// Writes what is waiting, at least one event of it, until it is time to end the transaction.
    /// Everything stays as it is until [`written`](Self::written) or [`forget`](Self::forget).
    ///
    /// # Errors
    /// [`ConsumeError`]; the transaction is rolled back.
    async fn write(
        &mut self,
        transaction: &mut dyn Transaction,
        until: &Until,
    ) -> Result<Wrote, ConsumeError>;

    /// Appends what came of it, as the last thing of the transaction: the log is locked from here to the
    /// commit.
    ///
    /// # Errors
    /// [`ConsumeError`]; the transaction is rolled back.
    async fn append(&mut self, _transaction: &mut dyn Transaction) -> Result<(), ConsumeError> {
        Ok(())
    }

    /// The transaction was committed.
    fn written(&mut self);

    /// The transaction failed, or somebody else wrote: nothing that is known holds any more.
    fn forget(&mut self);
}

/// When a handler that takes event after event should leave the rest to the next transaction, so
/// that nobody waits long for the checkpoint, and a stop need not wait for a whole batch.
#[derive(Debug, Clone)]
pub struct Until {
    deadline: Option<Instant>,
    stop: Option<Stop>,
}

impl Until {
    /// Until a time, or until it is time to stop.
    pub fn new(deadline: Option<Instant>, stop: Stop) -> Self {
        Self { deadline, stop: Some(stop) }
    }

    /// Everything belongs into this transaction.
    pub fn all_is_written() -> Self {
        Self { deadline: None, stop: None }
    }

    /// Whether the rest should wait.
    pub fn is_over(&self) -> bool {
        self.stop.as_ref().is_some_and(Stop::is_set)
            || self.deadline.is_some_and(|deadline| Instant::now() >= deadline)
    }
}

/// How much of what was waiting has been written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wrote {
    /// All of it.
    All,
    /// The events up to this one; the rest goes on waiting.
    UpTo(Position),
}

/// What a partition is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Doing {
    /// Working through history.
    CatchingUp,
    /// Up to date, waiting for what comes.
    Live,
    /// Waiting for something that is down.
    Blocked(String),
    /// It failed, and is tried again.
    Failed(String),
    /// Nobody works on it here.
    Stopped,
}

impl Doing {
    /// As it stands in tables.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::CatchingUp => "catching up",
            Self::Live => "live",
            Self::Blocked(_) => "blocked",
            Self::Failed(_) => "failed",
            Self::Stopped => "stopped",
        }
    }

    /// On what it waits, or what went wrong.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Blocked(reason) | Self::Failed(reason) => Some(reason),
            Self::CatchingUp | Self::Live | Self::Stopped => None,
        }
    }
}
