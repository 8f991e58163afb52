//! Work whose effects commit with the checkpoint.

use std::sync::Arc;
use std::time::Duration;

use annals_core::store::LogPage;
use annals_core::{Position, RecordedEvent};
use tokio::sync::Mutex;
use tokio::time::Instant;
use tracing::Instrument;

use super::commit::SharedTarget;
use super::retry::retry_due;
use super::span::BatchSpan;
use super::work::Work;
use super::{Left, Worker, panicked, sleep_until};
use crate::caught::caught;
use crate::consume::{Consume, Counts};
use crate::error::ConsumeError;
use crate::inflow::unreadable;
use crate::records::ParkedItem;

/// How long events that touch no row may pass by before the checkpoint is moved past them.
const IDLE_CHECKPOINT: Duration = Duration::from_millis(500);

/// How many such events may pass by.
const IDLE_EVENTS: u64 = 1_000;

/// How long appends that bring their effects along are given to move the checkpoint by themselves.
const BREATH: Duration = Duration::from_millis(100);

/// How many events a batch has at the most when appends wait for it.
const INLINE_BATCH: u64 = 2_000;

pub(crate) struct Transactional {
    pub(super) worker: Worker,
    pub(super) target: SharedTarget,
    /// How far pages have been taken in.
    pub(super) taken: Position,
    /// What has been dealt with since the last commit.
    pub(super) counts: Counts,
    /// Of the payloads that have been taken in since then.
    pub(super) bytes: usize,
    /// Events that were set aside since then, because their keys are parked.
    pub(super) aside: Vec<ParkedItem>,
    pub(super) span: BatchSpan,
    /// When the target is asked what is due by itself.
    due_at: Option<Instant>,
}

impl Work for Transactional {
    fn worker(&mut self) -> &mut Worker {
        &mut self.worker
    }

    async fn go_on(&mut self, again: bool) -> Result<Left, ConsumeError> {
        if again {
            // What became of the last commit is not known for sure.
            self.forget().await;
            self.worker.look_again().await?;
            self.taken = self.worker.committed;
        }
        self.follow().await
    }

    /// An append may have moved the checkpoint, which takes nothing away.
    async fn keeps(&mut self) -> bool {
        if !self.worker.consumer.inline {
            return false;
        }
        self.forget().await;
        let looked = self.worker.look_again().await;
        self.taken = self.worker.committed;
        looked.is_ok() && self.worker.prove().await.is_ok()
    }

    async fn redo(
        &mut self,
        event: &RecordedEvent,
        item: ParkedItem,
    ) -> Result<Option<ConsumeError>, ConsumeError> {
        match self.take_again(event.clone(), item).await {
            Ok(()) => Ok(None),
            Err(error) if error.blames_the_event() => {
                self.forget().await;
                Ok(Some(error))
            }
            Err(error) => Err(error),
        }
    }
}

impl Transactional {
    pub(super) fn new(worker: Worker, target: Box<dyn Consume>) -> Self {
        let (taken, target) = (worker.committed, Arc::new(Mutex::new(target)));
        let (counts, bytes, aside, span) = Default::default();
        let due_at = Some(Instant::now());
        Self { worker, target, taken, counts, bytes, aside, span, due_at }
    }

    async fn follow(&mut self) -> Result<Left, ConsumeError> {
        loop {
            if self.worker.is_finished() {
                return Ok(Left::Finished);
            }
            if self.worker.stop.is_set() {
                self.commit().await?;
                return Ok(Left::Stopped);
            }
            if self.is_settled() && self.worker.due.has_changed().unwrap_or(false) {
                retry_due(self).await?;
            }
            if self.worker.asks_now() && self.is_settled() && !self.has_caught_up().await? {
                return Ok(Left::Finished);
            }
            if self.worker.live && self.is_settled() && self.is_due() {
                self.take_due().await?;
            }
            // Nothing waits to be written while there is nothing to write: then nothing has to be woken.
            let unwritten = self.taken > self.worker.committed;
            let idle_until = unwritten.then(|| Instant::now() + IDLE_CHECKPOINT);
            let due_at = self.due_at.filter(|_| self.worker.live);
            let wake_at = [idle_until, self.worker.ask_at, due_at].into_iter().flatten().min();
            let worker = &mut self.worker;
            let page = tokio::select! {
                biased;
                () = worker.stop.wait() => continue,
                _ = worker.due.changed(), if !unwritten => {
                    worker.due.mark_changed();
                    continue;
                }
                Some(anew) = worker.anew.recv(), if !unwritten => {
                    self.make_anew(anew).await?;
                    continue;
                }
                page = worker.feed.next() => Some(page?),
                () = sleep_until(wake_at) => None,
            };
            match page {
                Some(page) => self.take_page(page).await?,
                None => self.commit_waiting().await?,
            }
        }
    }

    /// Whether everything that was taken in is written.
    pub(super) fn is_settled(&self) -> bool {
        self.taken == self.worker.committed
    }

    async fn take_page(&mut self, page: LogPage) -> Result<(), ConsumeError> {
        if self.worker.consumer.inline && self.worker.live {
            if self.worker.stop.within(BREATH).await {
                return Ok(());
            }
            let before = self.worker.committed;
            self.worker.look_again().await?;
            if self.worker.committed != before {
                self.forget().await;
                return Ok(());
            }
        }
        let (next, at_head) = (page.next, page.next >= page.head);
        self.worker.begins();
        if let Err(error) = self.take_and_commit(page, at_head).await {
            self.recover(error, next).await?;
        }
        let pending = self.pending().await;
        if at_head && pending == 0 {
            self.worker.is_idle();
        }
        self.worker.took(at_head);
        if pending == 0 {
            // Events that touch no row have had their effect, whether or not that is written down.
            self.worker.consumer.handler.reached(&self.worker.id, self.taken);
        }
        Ok(())
    }

    /// Writes what was taken in and waited for more, which did not come.
    async fn commit_waiting(&mut self) -> Result<(), ConsumeError> {
        let end = self.taken;
        match self.commit().await {
            Ok(()) => Ok(()),
            Err(error) => self.recover(error, end).await,
        }
    }

    /// It is asked what is due no later than this.
    pub(super) fn is_due_in(&mut self, pause: Option<Duration>) {
        let at = pause.map(|pause| Instant::now() + pause);
        self.due_at = match (self.due_at, at) {
            (Some(known), Some(at)) => Some(known.min(at)),
            (known, at) => known.or(at),
        };
    }

    fn is_due(&self) -> bool {
        self.due_at.is_some_and(|at| at <= Instant::now())
    }

    /// Takes in what is due by itself, and writes it.
    async fn take_due(&mut self) -> Result<(), ConsumeError> {
        let mut target = self.target.lock().await;
        let asked = caught(target.due(), panicked).await;
        let again = asked.inspect_err(|_| target.forget())?;
        let pending = target.pending();
        drop(target);
        self.due_at = again.map(|pause| Instant::now() + pause);
        if pending > 0 {
            self.commit_once(self.worker.committed, Vec::new()).await?;
        }
        Ok(())
    }

    /// Whether the partition is needed any longer.
    async fn has_caught_up(&mut self) -> Result<bool, ConsumeError> {
        if !self.worker.ask().await? {
            return Ok(false);
        }
        // It may have moved the checkpoint in a transaction of its own.
        self.worker.look_again().await?;
        if self.worker.committed != self.taken {
            self.forget().await;
        }
        Ok(true)
    }

    /// Takes a page in, and commits when nothing more is there to be written with it or the batch is
    /// full.
    async fn take_and_commit(&mut self, page: LogPage, at_head: bool) -> Result<(), ConsumeError> {
        self.take(page).await?;
        let pending = self.pending().await + self.aside.len();
        let options = &self.worker.context.options;
        let batch_events = match self.worker.consumer.inline {
            true => options.batch_events.min(INLINE_BATCH),
            false => options.batch_events,
        };
        let full = self.counts.looked_at >= batch_events
            || self.bytes >= options.batch_bytes
            || pending >= options.batch_rows;
        // While catching up, what touches no row is written down with the batch.
        let idle = self.counts.looked_at >= IDLE_EVENTS && at_head;
        if full || (pending > 0 && at_head) || idle {
            self.commit().await?;
        }
        Ok(())
    }

    /// Takes a page in, without the events of parked keys.
    pub(super) async fn take(&mut self, page: LogPage) -> Result<(), ConsumeError> {
        let mut events = page.events;
        // An event that is delivered again counts once: positions only grow.
        let mut last = self.taken;
        events.retain(|event| {
            let new = event.position > last;
            last = last.max(event.position);
            new
        });
        self.worker.absorb(&mut events).await?;
        self.counts.looked_at += page.looked_at;
        let counter = "annals_consumer_events_total";
        metrics::counter!(counter, "consumer" => self.worker.id.consumer.clone())
            .increment(events.len() as u64);
        if let Some(concerns) = self.worker.consumer.concerns.clone() {
            self.take_concerned(&concerns, events).await?;
            self.taken = self.taken.max(page.next);
            return Ok(());
        }
        self.set_aside(&mut events);
        self.bytes += events.iter().map(|event| event.payload.as_str().len()).sum::<usize>();
        self.counts.taken_in += events.len() as u64;
        if !events.is_empty() {
            self.give(events).await?;
        }
        self.taken = self.taken.max(page.next);
        Ok(())
    }

    /// Gives events to the target.
    async fn give(&mut self, events: Vec<RecordedEvent>) -> Result<(), ConsumeError> {
        if let Some(error) = events.iter().find_map(unreadable) {
            return Err(error);
        }
        self.span.takes(&self.worker, events.iter());
        let mut target = self.target.lock().await;
        let taken = caught(target.take(events), panicked).instrument(self.span.enter()).await;
        taken.inspect_err(|_| self.span.failed())
    }

    fn set_aside(&mut self, events: &mut Vec<RecordedEvent>) {
        let worker = &mut self.worker;
        for event in events.iter() {
            worker.parked.see(worker.consumer.key.of(event));
        }
        if worker.parked.is_empty() {
            return;
        }
        events.retain(|event| {
            let key = worker.consumer.key.of(event);
            let parked = worker.parked.holds(key);
            if parked {
                self.aside.push(worker.item(key, event));
            }
            !parked
        });
    }

    async fn pending(&self) -> usize {
        self.target.lock().await.pending()
    }

    /// Deals with an event that waited behind its key, and lets go of its entry with it.
    async fn take_again(
        &mut self,
        event: RecordedEvent,
        item: ParkedItem,
    ) -> Result<(), ConsumeError> {
        match self.worker.consumer.concerns {
            Some(_) => self.redo_concerned(&event, &item.key).await?,
            None => self.give(vec![event]).await?,
        }
        self.commit_once(self.worker.committed, vec![item]).await
    }

    /// Goes back to what was committed.
    pub(super) async fn forget(&mut self) {
        self.target.lock().await.forget();
        self.taken = self.worker.committed;
        (self.counts, self.bytes) = (Counts::default(), 0);
        self.aside.clear();
        self.span = BatchSpan::default();
        if let Some(inbox) = &mut self.worker.inbox {
            inbox.forget();
        }
        self.worker.feed.seek(self.worker.committed);
    }
}
