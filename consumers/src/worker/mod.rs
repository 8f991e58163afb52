//! The work on one partition, by whoever has it.

mod anew;
mod commit;
mod concerned;
mod delivery;
mod external;
mod inbox;
mod known;
mod park;
mod recover;
mod retry;
mod span;
mod transactional;
mod under_way;
mod window;
mod work;

use std::ops::Range;
use std::sync::Arc;

use annals_core::store::{Advance, Fence, LogFilter, StoreError, TransactExt};
use annals_core::table::{KeyValues, Row, TableSpec};
use annals_core::{Position, RecordedEvent, SLICES};
use jiff::Timestamp;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use external::External;
use transactional::Transactional;

pub(crate) use anew::Anew;

use crate::caught::caught;
use crate::consume::{CaughtUp, Consumer, Doing, Target};
use crate::context::Context;
use crate::error::ConsumeError;
use crate::feed::{Feed, LogFeed, MessageFeed};
use crate::inflow::UNREADABLE;
use crate::records::{InboxRecord, PartitionId, PartitionRecord};
use crate::stop::Stop;

/// What others are told of the work on a partition.
#[derive(Debug, Clone)]
pub(crate) struct Report {
    pub(crate) doing: Doing,
    /// The checkpoint.
    pub(crate) position: Position,
    /// Whether events have come that are not written down.
    pub(crate) waiting: bool,
    /// When something was written last, or began to wait.
    pub(crate) progress: Instant,
    /// When the oldest event was recorded whose effect outside has been begun, and is not done.
    pub(crate) oldest: Option<Timestamp>,
}

/// Why the work ended.
#[derive(Debug)]
pub(crate) enum Left {
    /// It was told to.
    Stopped,
    /// Somebody else has the partition, or wants everybody to look again.
    Lost,
    /// All of it is done, up to where it ends.
    Finished,
    /// The consumer cannot run here.
    Refused(ConsumeError),
}

/// What both kinds of work have in common.
pub(crate) struct Worker {
    pub(crate) context: Arc<Context>,
    pub(crate) consumer: Consumer,
    pub(crate) partition: PartitionRecord,
    pub(crate) id: PartitionId,
    checkpoint: String,
    token: u64,
    /// The checkpoint, as this worker has written it last.
    committed: Position,
    feed: Feed,
    /// What it has had, where that may come twice.
    inbox: Option<inbox::Inbox>,
    report: watch::Sender<Report>,
    pub(crate) stop: Stop,
    /// Keys that it is time to try again.
    pub(crate) due: watch::Receiver<Vec<String>>,
    /// Keys whose rows are to be made anew.
    anew: mpsc::Receiver<Anew>,
    parked: park::Parked,
    /// Whether it has reached the end of the log and follows it since.
    live: bool,
    /// When the partition asks whether it is needed any longer.
    ask_at: Option<Instant>,
}

/// What is written beside a step of the checkpoint.
#[derive(Clone)]
enum Rows {
    None,
    Put(&'static TableSpec, Vec<Row>),
    Remove(&'static TableSpec, Vec<KeyValues>),
}

impl Worker {
    /// Takes up the work on a partition that was claimed.
    pub(crate) fn new(
        context: Arc<Context>,
        consumer: Consumer,
        (partition, fence): (PartitionRecord, Fence),
        report: watch::Sender<Report>,
        (stop, due, anew): (Stop, watch::Receiver<Vec<String>>, mpsc::Receiver<Anew>),
    ) -> Self {
        let id = partition.id();
        let own = match consumer.concerns {
            // Any event may concern a key of its own.
            Some(_) => 0..SLICES,
            None => partition.slices(),
        };
        let slices = match &consumer.filter.slices {
            Some(wanted) => overlap(wanted, &own),
            None => own,
        };
        let filter = LogFilter { slices: Some(slices), ..consumer.filter.clone() };
        let up_to = partition.ends_at.unwrap_or(Position::new(i64::MAX as u64));
        let page_events = context.options.page_events;
        let (feed, inbox) = match &consumer.inflow {
            Some(inflow) => {
                let work = context.stores.work().clone();
                let of = (inflow.clone(), partition.clone());
                let feed = MessageFeed::new(work, of, page_events, fence.position);
                let inbox = inbox::Inbox::new(
                    consumer.name.to_string(),
                    partition.generation,
                    inflow.ordered(),
                );
                (Feed::Messages(feed), Some(inbox))
            }
            None => {
                let (log, tail) = (context.stores.log().clone(), context.tail.clone());
                let between = (fence.position, up_to);
                (Feed::Log(LogFeed::new(log, tail, filter, page_events, between)), None)
            }
        };
        Self {
            checkpoint: id.checkpoint(),
            token: fence.token,
            committed: fence.position,
            parked: park::Parked::new(consumer.on_failure, context.options.most_parked),
            context,
            consumer,
            partition,
            id,
            feed,
            inbox,
            report,
            stop,
            due,
            anew,
            live: false,
            ask_at: None,
        }
    }

    /// Works until it is told to stop or has nothing more to do.
    pub(crate) async fn run(mut self) -> Left {
        let mut pauses = self.context.pauses();
        let target = loop {
            let opened = async {
                self.load_parked().await?;
                self.consumer.handler.open(&self.partition).await
            };
            match caught(opened, panicked).await {
                Ok(target) => break target,
                Err(error @ ConsumeError::Stop(_)) => return self.left(Left::Refused(error)),
                Err(error) => {
                    self.doing(stands_still(&error));
                    if self.stop.within(pauses.next_pause()).await {
                        return Left::Stopped;
                    }
                }
            }
        };
        match target {
            Target::Transactional(target) => work::run(Transactional::new(self, target)).await,
            target if self.cannot_be_told(&target) => {
                let why = "events of the log, and effects in the store: keys that are none of an event's own need both";
                self.left(Left::Refused(ConsumeError::stop(why)))
            }
            Target::External(target) => work::run(External::new(self, target)).await,
        }
    }

    /// Whether its keys are said by what cannot be asked here.
    fn cannot_be_told(&self, target: &Target) -> bool {
        let has_effects_outside = matches!(target, Target::External(_));
        self.consumer.concerns.is_some() && (has_effects_outside || !self.feed.is_log())
    }

    /// Leaves out what has had its effect before.
    async fn absorb(&mut self, events: &mut Vec<RecordedEvent>) -> Result<(), ConsumeError> {
        match &mut self.inbox {
            Some(inbox) => Ok(inbox.absorb(&**self.context.stores.work(), events).await?),
            None => Ok(()),
        }
    }

    /// What goes into the inbox with the effects up to a position.
    fn absorbed(&self, up_to: Position) -> Vec<InboxRecord> {
        self.inbox.as_ref().map_or_else(Vec::new, |inbox| inbox.had(up_to))
    }

    /// Where it ends, if it does.
    fn is_finished(&self) -> bool {
        self.partition.ends_at.is_some_and(|end| self.committed >= end)
    }

    fn step(&self, to: Position) -> Advance {
        let Self { checkpoint, token, committed, .. } = self;
        Advance { name: checkpoint.clone(), token: *token, from: *committed, to }
    }

    /// The checkpoint was moved.
    fn moved(&mut self, to: Position) {
        self.committed = to;
        self.feed.done(to);
        if let Some(inbox) = &mut self.inbox {
            inbox.written(to);
        }
        self.consumer.handler.reached(&self.id, to);
        self.report.send_modify(|report| {
            report.position = to;
            report.progress = Instant::now();
        });
    }

    /// Events have come.
    fn begins(&self) {
        self.report.send_if_modified(|report| {
            let begins = !report.waiting;
            if begins {
                (report.waiting, report.progress) = (true, Instant::now());
            }
            begins
        });
    }

    /// A page was taken, which ended at the end of the log or did not.
    fn took(&mut self, at_head: bool) {
        match (at_head, self.live) {
            (true, false) => {
                self.live = true;
                self.doing(Doing::Live);
                self.ask_at = Some(Instant::now());
            }
            (false, false) => self.doing(Doing::CatchingUp),
            (_, true) => {}
        }
    }

    /// Whether it is time to [ask](Self::ask).
    fn asks_now(&self) -> bool {
        self.ask_at.is_some_and(|at| at <= Instant::now())
    }

    /// Asks whether the partition is needed any longer.
    async fn ask(&mut self) -> Result<bool, ConsumeError> {
        let asked = self.consumer.handler.caught_up(&self.partition);
        self.ask_at = match caught(asked, panicked).await? {
            CaughtUp::GoOn => None,
            CaughtUp::AskAgain(pause) => Some(Instant::now() + pause),
            CaughtUp::Finished => return Ok(false),
        };
        Ok(true)
    }

    /// Since when the oldest effect outside waits.
    fn oldest(&self, oldest: Option<Timestamp>) {
        self.report
            .send_if_modified(|report| std::mem::replace(&mut report.oldest, oldest) != oldest);
    }

    /// Nothing waits to be written.
    fn is_idle(&self) {
        self.report.send_if_modified(|report| std::mem::take(&mut report.waiting));
    }

    fn doing(&self, doing: Doing) {
        let changed = self.report.send_if_modified(|report| {
            let changed = report.doing != doing;
            report.doing.clone_from(&doing);
            changed
        });
        if changed {
            if let Doing::Failed(reason) | Doing::Blocked(reason) = &doing {
                tracing::error!(partition = %self.id, reason, state = doing.as_str(), "a consumer stands still");
            }
            self.consumer.handler.doing(&self.id, &doing);
        }
    }

    /// Says that the work has ended, and why.
    fn left(&self, left: Left) -> Left {
        self.doing(match &left {
            Left::Refused(error) => Doing::Failed(error.to_string()),
            _ => Doing::Stopped,
        });
        left
    }

    /// Reads where the checkpoint stands and what is parked after a commit whose end nobody heard of, and
    /// goes on from there.
    async fn look_again(&mut self) -> Result<(), ConsumeError> {
        let stands = self.context.stores.work().checkpoint(&self.checkpoint).await?;
        let Some(stands) = stands else {
            return Err(self.step(self.committed).refused().into());
        };
        // If it was somebody else's commit, the next one is refused.
        if stands != self.committed {
            self.moved(stands);
        }
        if let Some(inbox) = &mut self.inbox {
            inbox.forget();
        }
        self.feed.restart(stands);
        self.load_parked().await
    }

    /// Proves that the partition is still this worker's.
    async fn prove(&self) -> Result<(), StoreError> {
        self.write(self.committed, Rows::None).await
    }

    /// Writes rows and moves the checkpoint to `to`, which proves that the partition is still this
    /// worker's.
    async fn write(&self, to: Position, rows: Rows) -> Result<(), StoreError> {
        let (step, had) = (self.step(to), self.absorbed(to));
        let written = self.context.stores.work().transact_with(move |transaction| {
            let (rows, step, had) = (rows.clone(), step.clone(), had.clone());
            Box::pin(async move {
                inbox::write(transaction, &had).await?;
                match rows {
                    Rows::None => {}
                    Rows::Put(table, rows) => transaction.upsert_rows(table, &rows).await?,
                    Rows::Remove(table, keys) => transaction.delete_rows(table, &keys).await?,
                }
                transaction.advance_checkpoint(&step).await
            })
        });
        written.await
    }

    /// Says more about an event that failed by itself.
    fn explain(&self, event: &RecordedEvent, error: ConsumeError) -> ConsumeError {
        match event.event_type == UNREADABLE {
            true => error,
            false => self.consumer.handler.explain(event, error),
        }
    }

    fn key<'e>(&self, event: &'e RecordedEvent) -> &'e str {
        self.consumer.key.of(event)
    }
}

/// What both hold; empty where that is nothing.
fn overlap(a: &Range<u16>, b: &Range<u16>) -> Range<u16> {
    let start = a.start.max(b.start);
    start..a.end.min(b.end).max(start)
}

/// A panic of the user's code.
fn panicked(message: String) -> ConsumeError {
    ConsumeError::retry(format!("it panicked: {message}"))
}

/// Never where there is no time.
async fn sleep_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}

fn stands_still(error: &ConsumeError) -> Doing {
    match error {
        ConsumeError::Blocked { .. } => Doing::Blocked(error.to_string()),
        _ => Doing::Failed(error.to_string()),
    }
}
