//! Work whose effects are outside of the store: the effect, then the checkpoint. Events of one key go one
//! after the other or some together, those of several keys at once, within a window; only the contiguous
//! prefix of what is done is written down.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use annals_core::store::LogPage;
use annals_core::{Backoff, Position, RecordedEvent};
use tokio::time::Instant;

use super::delivery::{Delivered, Delivery, deliver};
use super::retry::retry_due;
use super::under_way::UnderWay;
use super::window::Window;
use super::work::Work;
use super::{Left, Rows, Worker, sleep_until, stands_still};
use crate::consume::OnFailure;
use crate::deliver::Deliver;
use crate::error::ConsumeError;
use crate::records::{ParkedItem, Record};

/// How long what is done may wait to be written down.
const CHECKPOINT_AFTER: Duration = Duration::from_millis(200);

pub(crate) struct External {
    worker: Worker,
    target: Arc<dyn Deliver>,
    window: Window,
    /// What is under way, one delivery a key.
    under_way: UnderWay<Ended>,
    /// Handed out by the feed, and not let into the window yet.
    pages: VecDeque<RecordedEvent>,
    /// How far the feed has looked.
    fed: Position,
    at_head: bool,
    /// Whether an effect was had that is not written down.
    has_effects: bool,
    /// When the log is read again after that has failed.
    read_at: Option<Instant>,
    read_pauses: Backoff,
}

/// The end of one delivery.
struct Ended {
    key: Arc<str>,
    events: Vec<RecordedEvent>,
    delivered: Delivered,
}

impl Work for External {
    fn worker(&mut self) -> &mut Worker {
        &mut self.worker
    }

    async fn go_on(&mut self, again: bool) -> Result<Left, ConsumeError> {
        if again {
            self.begin_again().await?;
        }
        match self.follow().await {
            Ok(left) => Ok(left),
            Err(lost @ ConsumeError::Lost(_)) => Err(lost),
            Err(error) => {
                // The others are not to blame, and what they have begun is not done once more.
                self.worker.doing(stands_still(&error));
                match self.drain().await {
                    Err(lost @ ConsumeError::Lost(_)) => Err(lost),
                    _ => Err(error),
                }
            }
        }
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
        let events = std::slice::from_ref(event);
        match deliver(&*self.target, events, &self.worker.consumer.name).await {
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
            under_way: UnderWay::new(target.apart()),
            worker,
            target,
            window: Window::default(),
            pages: VecDeque::new(),
            at_head: false,
            has_effects: false,
        }
    }

    /// Reads once more what comes behind the checkpoint. What is done of it stays so, although the
    /// checkpoint does not say it yet.
    async fn begin_again(&mut self) -> Result<(), ConsumeError> {
        self.window.begin_again();
        self.at_head = false;
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
            self.worker.oldest(self.window.oldest());
            let done = self.done();
            if done > self.worker.committed {
                let at = *write_at.get_or_insert_with(|| Instant::now() + CHECKPOINT_AFTER);
                // What would be had once more is written down as soon as nothing else is under way.
                let may_wait = self.has_effects && self.target.repeats();
                if (self.is_empty() && !may_wait) || at <= Instant::now() {
                    self.write_down(done).await?;
                    (write_at, self.has_effects) = (None, false);
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
                ended = self.under_way.next(), if !self.under_way.is_empty() => {
                    let mut next = ended;
                    while let Some(ended) = next {
                        // It catches panics itself, and is aborted only with everything else.
                        let ended = ended.map_err(|_| ConsumeError::Interrupted)?;
                        self.ended(ended).await?;
                        next = self.under_way.ended();
                    }
                }
                page = worker.feed.next(), if hungry => match page {
                    Ok(page) => {
                        self.read_pauses.reset();
                        self.fed(page).await?;
                    }
                    // What is under way goes on; only what comes next has to wait.
                    Err(error) => self.cannot_read(error)?,
                },
                () = sleep_until(wake_at) => {}
            }
        }
    }

    fn cannot_read(&mut self, error: ConsumeError) -> Result<(), ConsumeError> {
        match error {
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
        self.window.is_empty() && self.pages.is_empty()
    }

    /// Everything up to here is done.
    fn done(&self) -> Position {
        let open = self.window.first();
        let waiting = self.pages.front().map(|event| event.position);
        match open.into_iter().chain(waiting).min() {
            Some(first) => Position::new(first.get().saturating_sub(1)).max(self.worker.committed),
            None => self.fed.max(self.worker.committed),
        }
    }

    async fn fed(&mut self, page: LogPage) -> Result<(), ConsumeError> {
        if !page.events.is_empty() {
            self.worker.begins();
        }
        let counter = "annals_consumer_events_total";
        metrics::counter!(counter, "consumer" => self.worker.id.consumer.clone())
            .increment(page.events.len() as u64);
        let last = self.fed;
        let is_new =
            |event: &RecordedEvent| event.position > last && self.window.wants(event.position);
        let mut events: Vec<_> = page.events.into_iter().filter(is_new).collect();
        self.worker.absorb(&mut events).await?;
        self.pages.extend(events);
        self.fed = self.fed.max(page.next);
        self.at_head = page.next >= page.head;
        self.worker.took(self.at_head);
        Ok(())
    }

    /// Begins as much as the window has room for.
    fn let_in(&mut self) {
        let options = &self.worker.context.options;
        let (events, bytes) = (options.window, options.batch_bytes);
        let mut begins = Vec::new();
        while self.window.has_room(events, bytes) {
            // Events of parked keys go the way of the next failure: see `ended`.
            let Some(event) = self.pages.pop_front() else { break };
            let key = self.worker.consumer.key.kept(&event);
            self.worker.parked.see(&key);
            if self.window.let_in(&key, event) {
                begins.push(key);
            }
        }
        for key in begins {
            self.begin_next(key);
        }
    }

    /// Begins what comes next of a key, if there is something.
    fn begin_next(&mut self, key: Arc<str>) {
        let events = self.window.next(&key, self.target.at_once());
        if events.is_empty() {
            return;
        }
        if self.worker.parked.holds(&key) {
            let result = Err(ConsumeError::Interrupted);
            let delivered = Delivered { done: 0, result, attempts: 0 };
            self.under_way.begin(async move { Ended { key, events, delivered } });
            return;
        }
        let delivery = Delivery {
            consumer: self.worker.consumer.name.clone(),
            target: self.target.clone(),
            context: self.worker.context.clone(),
            stop: self.worker.stop.clone(),
            stands_still: self.stops(),
        };
        self.under_way.begin(async move {
            let delivered = delivery.of(&events).await;
            Ended { key, events, delivered }
        });
    }

    async fn ended(&mut self, ended: Ended) -> Result<(), ConsumeError> {
        let Ended { key, mut events, delivered: Delivered { done, result, attempts } } = ended;
        self.has_effects |= done > 0;
        for event in events.drain(..done) {
            self.window.settle(&event);
        }
        if let (Err(error), Some(event)) = (result, events.first()) {
            let blamed = error.blames_the_event() && !self.stops();
            let error = self.worker.explain(event, error);
            match self.worker.parked.holds(&key) {
                true => {}
                false if blamed => {
                    let step = self.worker.committed;
                    let key = self.worker.key(event).to_owned();
                    self.worker.park((event, key), (&error, attempts), step).await?;
                    self.window.settle(&events.remove(0));
                }
                false => return Err(error),
            }
            // Those behind it wait with it, unless it was skipped.
            match self.worker.parked.holds(&key) {
                true => self.set_aside(&key, &events).await?,
                false => self.window.give_back(&key, events),
            }
        }
        self.begin_next(key);
        Ok(())
    }

    fn stops(&self) -> bool {
        self.worker.consumer.on_failure == OnFailure::Stop
    }

    /// Events of a parked key wait behind it.
    async fn set_aside(&mut self, key: &str, events: &[RecordedEvent]) -> Result<(), ConsumeError> {
        if events.is_empty() {
            return Ok(());
        }
        let rows = events.iter().map(|event| self.worker.item(key, event).row()).collect();
        let rows = Rows::Put(ParkedItem::table(), rows);
        self.worker.write(self.worker.committed, rows).await?;
        for event in events {
            self.window.settle(event);
        }
        Ok(())
    }

    async fn write_down(&mut self, to: Position) -> Result<(), ConsumeError> {
        self.worker.write(to, Rows::None).await?;
        self.worker.moved(to);
        Ok(())
    }

    /// Lets what is under way come to its end, and writes down what is done.
    async fn drain(&mut self) -> Result<(), ConsumeError> {
        self.window.close();
        while let Some(ended) = self.under_way.next().await {
            if let Ok(Ended { events, delivered, .. }) = ended {
                events.iter().take(delivered.done).for_each(|event| self.window.settle(event));
            }
        }
        let done = self.done();
        if done > self.worker.committed {
            self.write_down(done).await?;
        }
        Ok(())
    }
}
