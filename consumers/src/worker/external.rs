//! Work whose effects are outside of the store: the effect, then the checkpoint. Events of one key go one
//! after the other, those of several keys at once, within a window; only the contiguous prefix of what
//! is done is written down.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use annals_core::store::{LogPage, StoreError};
use annals_core::{Backoff, Position, RecordedEvent};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::retry::retry_due;
use super::work::Work;
use super::{Left, Rows, Worker, panicked, sleep_until, stands_still};
use crate::caught::caught;
use crate::consume::{Deliver, OnFailure};
use crate::context::Context;
use crate::error::ConsumeError;
use crate::records::{ParkedItem, Record};
use crate::stop::Stop;

/// How long what is done may wait to be written down.
const CHECKPOINT_AFTER: Duration = Duration::from_millis(200);

pub(crate) struct External {
    worker: Worker,
    target: Arc<dyn Deliver>,
    window: Window,
    /// What is under way, one event a key.
    tasks: JoinSet<Ended>,
    /// Handed out by the feed, and not let into the window yet.
    pages: VecDeque<RecordedEvent>,
    /// How far the feed has looked.
    fed: Position,
    at_head: bool,
    /// When the log is read again after that has failed.
    read_at: Option<Instant>,
    read_pauses: Backoff,
}

/// What is known of the events that have been begun.
#[derive(Default)]
struct Window {
    /// By position: those that are not done.
    open: BTreeSet<Position>,
    /// What waits for the one before it of its key. A key that is here is under way.
    queues: BTreeMap<String, VecDeque<RecordedEvent>>,
    bytes: usize,
}

/// The end of one delivery.
struct Ended {
    key: String,
    event: RecordedEvent,
    result: Result<(), ConsumeError>,
    attempts: u32,
}

impl Work for External {
    fn worker(&mut self) -> &mut Worker {
        &mut self.worker
    }

    async fn go_on(&mut self, again: bool) -> Result<Left, ConsumeError> {
        if again {
            self.begin_again().await?;
        }
        self.follow().await
    }

    /// Nobody else moves the checkpoint of what has effects outside.
    async fn keeps(&mut self) -> bool {
        false
    }

    async fn redo(
        &mut self,
        event: &RecordedEvent,
        item: ParkedItem,
    ) -> Result<Option<ConsumeError>, ConsumeError> {
        // Whoever took the partition away does the effect now.
        self.worker.prove().await?;
        match caught(self.target.deliver(event), panicked).await {
            Ok(()) => self.worker.remove_items(vec![item.key()]).await.map(|()| None),
            Err(error) if error.blames_the_event() => Ok(Some(error)),
            Err(error) => Err(error),
        }
    }
}

impl External {
    pub(super) fn new(worker: Worker, target: Arc<dyn Deliver>) -> Self {
        Self {
            fed: worker.committed,
            read_at: None,
            read_pauses: worker.context.pauses(),
            worker,
            target,
            window: Window::default(),
            tasks: JoinSet::new(),
            pages: VecDeque::new(),
            at_head: false,
        }
    }

    /// What is under way is broken off before it is begun again.
    async fn begin_again(&mut self) -> Result<(), ConsumeError> {
        self.tasks.abort_all();
        while self.tasks.join_next().await.is_some() {}
        (self.window, self.at_head) = (Window::default(), false);
        self.pages.clear();
        self.worker.look_again().await?;
        self.fed = self.worker.committed;
        Ok(())
    }

    async fn follow(&mut self) -> Result<Left, ConsumeError> {
        let mut write_at = None;
        loop {
            if self.worker.stop.is_set() {
                return self.drain().await.map(|()| Left::Stopped);
            }
            self.let_in();
            let done = self.done();
            if done > self.worker.committed {
                let at = *write_at.get_or_insert_with(|| Instant::now() + CHECKPOINT_AFTER);
                if self.is_empty() || at <= Instant::now() {
                    self.write_down(done).await?;
                    write_at = None;
                }
            }
            if self.worker.is_finished() {
                return Ok(Left::Finished);
            }
            if self.is_empty() {
                self.worker.is_idle();
                // What waits behind a key may stand beyond the checkpoint, and then comes by once more: it
                // must find its key parked.
                if self.at_head && self.worker.due.has_changed().unwrap_or(false) {
                    retry_due(self).await?;
                }
                if self.worker.asks_now() && !self.worker.ask().await? {
                    return Ok(Left::Finished);
                }
            }
            let ask_at = self.worker.ask_at.filter(|_| self.is_empty());
            self.read_at = self.read_at.filter(|at| *at > Instant::now());
            let wake_at = [write_at, ask_at, self.read_at].into_iter().flatten().min();
            let hungry = self.pages.is_empty() && self.read_at.is_none();
            let (idle, at_head) = (self.is_empty(), self.at_head);
            let worker = &mut self.worker;
            tokio::select! {
                biased;
                () = worker.stop.wait() => {}
                _ = worker.due.changed(), if idle && at_head => worker.due.mark_changed(),
                ended = self.tasks.join_next(), if !self.tasks.is_empty() => {
                    if let Some(ended) = ended {
                        // It catches panics itself, and is aborted only with everything else.
                        let ended = ended.map_err(|_| ConsumeError::Interrupted)?;
                        self.ended(ended).await?;
                    }
                }
                page = worker.feed.next(), if hungry => match page {
                    Ok(page) => {
                        self.read_pauses.reset();
                        self.fed(page);
                    }
                    // What is under way goes on; only what comes next has to wait.
                    Err(error) => self.cannot_read(error)?,
                },
                () = sleep_until(wake_at) => {}
            }
        }
    }

    fn cannot_read(&mut self, error: StoreError) -> Result<(), ConsumeError> {
        match ConsumeError::from(error) {
            error @ (ConsumeError::Lost(_) | ConsumeError::Stop(_)) => Err(error),
            error => {
                self.read_at = Some(Instant::now() + self.read_pauses.next_pause());
                self.worker.live = false;
                self.worker.doing(stands_still(&error));
                Ok(())
            }
        }
    }

    fn is_empty(&self) -> bool {
        self.window.open.is_empty() && self.pages.is_empty()
    }

    /// Everything up to here is done.
    fn done(&self) -> Position {
        let open = self.window.open.first().copied();
        let waiting = self.pages.front().map(|event| event.position);
        match open.into_iter().chain(waiting).min() {
            Some(first) => Position::new(first.get().saturating_sub(1)).max(self.worker.committed),
            None => self.fed.max(self.worker.committed),
        }
    }

    fn fed(&mut self, page: LogPage) {
        if !page.events.is_empty() {
            self.worker.begins();
        }
        let counter = "annals_consumer_events_total";
        metrics::counter!(counter, "consumer" => self.worker.id.consumer.clone())
            .increment(page.events.len() as u64);
        let last = self.fed;
        self.pages.extend(page.events.into_iter().filter(|event| event.position > last));
        self.fed = self.fed.max(page.next);
        self.at_head = page.next >= page.head;
        self.worker.took(self.at_head);
    }

    /// Begins as much as the window has room for.
    fn let_in(&mut self) {
        let context = self.worker.context.clone();
        let (events, bytes) = (context.options.window, context.options.batch_bytes);
        while self.window.open.len() < events && self.window.bytes < bytes {
            // Events of parked keys go the way of the next failure: see `ended`.
            let Some(event) = self.pages.pop_front() else { return };
            let key = self.worker.consumer.key.of(&event).to_owned();
            self.worker.parked.see(&key);
            self.window.open.insert(event.position);
            self.window.bytes += event.bytes();
            match self.window.queues.get_mut(&key) {
                Some(queue) => queue.push_back(event),
                None => {
                    self.window.queues.insert(key.clone(), VecDeque::new());
                    self.begin(key, event);
                }
            }
        }
    }

    fn begin(&mut self, key: String, event: RecordedEvent) {
        if self.worker.parked.holds(&key) {
            let result = Err(ConsumeError::Interrupted);
            self.tasks.spawn(async move { Ended { key, event, result, attempts: 0 } });
            return;
        }
        let (target, context) = (self.target.clone(), self.worker.context.clone());
        let stands_still = self.stops();
        let stop = self.worker.stop.clone();
        self.tasks.spawn(async move {
            let (result, attempts) = deliver(&*target, &event, &context, &stop, stands_still).await;
            Ended { key, event, result, attempts }
        });
    }

    async fn ended(&mut self, ended: Ended) -> Result<(), ConsumeError> {
        let Ended { key, event, result, attempts } = ended;
        match result {
            Ok(()) => {}
            Err(_) if self.worker.parked.holds(&key) => self.set_aside(&key, &event).await?,
            Err(error) if error.blames_the_event() && !self.stops() => {
                let error = self.worker.consumer.handler.explain(&event, error);
                let step = self.worker.committed;
                self.worker.park(&event, (&error, attempts), step).await?;
            }
            Err(error) => return Err(self.worker.consumer.handler.explain(&event, error)),
        }
        self.window.open.remove(&event.position);
        self.window.bytes = self.window.bytes.saturating_sub(event.bytes());
        match self.window.queues.get_mut(&key).and_then(VecDeque::pop_front) {
            Some(next) => self.begin(key, next),
            None => drop(self.window.queues.remove(&key)),
        }
        Ok(())
    }

    fn stops(&self) -> bool {
        self.worker.consumer.on_failure == OnFailure::Stop
    }

    /// An event of a parked key waits behind it.
    async fn set_aside(&mut self, key: &str, event: &RecordedEvent) -> Result<(), ConsumeError> {
        let row = self.worker.item(key, event.position).row();
        let rows = Rows::Put(ParkedItem::table(), vec![row]);
        Ok(self.worker.write(self.worker.committed, rows).await?)
    }

    async fn write_down(&mut self, to: Position) -> Result<(), ConsumeError> {
        self.worker.write(to, Rows::None).await?;
        self.worker.moved(to);
        Ok(())
    }

    /// Lets what is under way come to its end, and writes down what is done.
    async fn drain(&mut self) -> Result<(), ConsumeError> {
        for queue in self.window.queues.values_mut() {
            queue.clear();
        }
        while let Some(ended) = self.tasks.join_next().await {
            if let Ok(Ended { event, result: Ok(()), .. }) = ended {
                self.window.open.remove(&event.position);
            }
        }
        let done = self.done();
        if done > self.worker.committed {
            self.write_down(done).await?;
        }
        Ok(())
    }
}

/// Delivers an event, and tries again for a moment. What is down is waited for without counting.
async fn deliver(
    target: &dyn Deliver,
    event: &RecordedEvent,
    context: &Context,
    stop: &Stop,
    stands_still: bool,
) -> (Result<(), ConsumeError>, u32) {
    let mut pauses = context.pauses();
    let deadline = Instant::now() + context.options.retry_in_place;
    let mut attempts = 0;
    loop {
        let error = match caught(target.deliver(event), panicked).await {
            Ok(()) => return (Ok(()), attempts + 1),
            Err(error) => error,
        };
        match error {
            ConsumeError::Retry(_) if !stands_still && Instant::now() < deadline => attempts += 1,
            ConsumeError::Blocked { .. } => return (Err(error), attempts),
            _ => return (Err(error), attempts + 1),
        }
        if stop.within(pauses.next_pause()).await {
            return (Err(ConsumeError::Interrupted), attempts);
        }
    }
}
