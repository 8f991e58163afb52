//! The consumer that tells instances what has happened, and writes what they decide.

mod gauges;
mod kept;
mod ready;
mod telling;

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use annals_consumers::{
    Concerned, Consume, ConsumeError, PartitionId, PartitionRecord, TimerRecord, Until, Wrote,
    caught, earliest,
};
use annals_core::store::{StoreError, StreamAppend, TransactExt, Transaction};
use annals_core::{ExpectedVersion, Journal, Metadata, NewEvent, RecordedEvent};
use async_trait::async_trait;
use jiff::Timestamp;
use uuid::Uuid;

use crate::alarm::Alarm;
use crate::census::Census;
use crate::commands::Commands;
use crate::correlation::Begins;
use crate::decision::Decided;
use crate::event::{SagaEvent, stream_of};
use crate::input::Input;
use crate::instance::InstanceError;
use crate::ledger::Phase;
use crate::saga::{Saga, Strays};
use gauges::Gauges;
use kept::{KEPT, Kept};
use ready::{Made, Ready};
pub(crate) use telling::Instances;
use telling::Told;

/// How many steps a transaction has at the most, but for an event that concerns more instances than that.
const MOST_STEPS: u64 = 500;

/// How many timers are fired at once.
const MOST_DUE: u32 = 200;

/// How often is looked for what is due, when nothing is known to be due sooner.
const LOOK: Duration = Duration::from_secs(1);

pub(crate) struct Manager<S> {
    journal: Journal,
    commands: Arc<Commands>,
    partition: PartitionId,
    /// Whose instances it has.
    slices: Range<u16>,
    /// What it has counted, as it is stored.
    census: Option<Census>,
    gauges: Gauges,
    /// What has come and was not told yet.
    queue: VecDeque<Told>,
    kept: Kept<S>,
    ready: Ready,
    /// After how long the next deadline comes, as far as it was set last.
    next_due: Option<Duration>,
}

/// By what an instance is told something.
struct Cause {
    /// The event of the log, if it is one.
    event: Option<Uuid>,
    at: Timestamp,
    metadata: Metadata,
}

impl Cause {
    fn of(event: &RecordedEvent) -> Self {
        let metadata = Metadata::caused_by(event);
        Self { event: Some(event.id.get()), at: event.recorded_at, metadata }
    }
}

impl<S: Saga> Manager<S> {
    pub(crate) fn new(
        journal: Journal,
        commands: Arc<Commands>,
        partition: &PartitionRecord,
    ) -> Self {
        let (id, slices) = (partition.id(), partition.slices());
        let (saga, part, within) = (S::NAME, id.part.to_string(), S::WITHIN);
        let (kept, queue, ready) = (Kept::new(&journal), VecDeque::new(), Ready::default());
        Self {
            journal,
            commands,
            partition: id,
            slices,
            census: None,
            gauges: Gauges { saga, part, within },
            queue,
            kept,
            ready,
            next_due: None,
        }
    }

    /// Tells instances an event.
    async fn tell(&mut self, told: &Told) -> Result<(), ConsumeError> {
        let event = &told.event;
        let input = telling::input(event)?;
        for one in &told.instances {
            let instance = one.instance();
            let phase = self.load(instance, one.begins).await?;
            let is_person = matches!(input, Input::Steered(_));
            let told = match one.stray(&phase) {
                // What it has heard of is no stray, though it has begun by that.
                Some(why) if !self.has_heard(instance, event.id.get()) => {
                    Err(stray::<S>(instance, &format!("it {why}")))
                }
                _ => self.step(instance, input.clone(), Cause::of(event)),
            };
            match told {
                // Things have gone on since they looked. Replies that come later must not wait for that.
                Err(ConsumeError::Stray(why)) if is_person => {
                    tracing::warn!(saga = S::NAME, instance, %why, "what a person said came too late");
                }
                Err(ConsumeError::Stray(why)) if S::STRAYS == Strays::PassBy => {
                    tracing::debug!(saga = S::NAME, instance, %why, "nobody waits for it");
                }
                told => told?,
            }
        }
        Ok(())
    }

    /// Makes sure that an instance is kept, and says where it stands.
    async fn load(&mut self, instance: &str, begins: Begins) -> Result<Phase, ConsumeError> {
        // What is not written yet must not be pushed out.
        if self.ready.streams.len() >= KEPT && !self.ready.streams.contains_key(instance) {
            return Err(ConsumeError::poison(format!(
                "it concerns more than {KEPT} instances of `{}`: let it concern one, which sends commands that \
                 concern the others",
                S::NAME
            )));
        }
        let held = self.kept.load(instance, begins).await?;
        Ok(held.instance.ledger().phase().clone())
    }

    fn has_heard(&self, instance: &str, event: Uuid) -> bool {
        self.kept.peek(instance).is_some_and(|held| held.instance.ledger().has_heard(event))
    }

    /// Lets an instance that was loaded take a step.
    fn step(&mut self, instance: &str, input: Input, cause: Cause) -> Result<(), ConsumeError> {
        let is_together = self.journal.stores().are_together();
        let Some(held) = self.kept.get_mut(instance) else { return Err(ConsumeError::Interrupted) };
        let stream = stream_of(S::NAME, instance).map_err(ConsumeError::poison)?;
        let ledger = held.instance.ledger();
        let (before, sent) = (ledger.deadlines().clone(), ledger.sent());
        let phase = ledger.phase().clone();
        // It stands in the stream. Whether its timers were written as well is another question.
        let heard = cause.event.is_some_and(|event| ledger.has_heard(event));
        let called_off = match &input {
            Input::Due { deadline, at } => before.get(deadline) != Some(at),
            _ => false,
        };
        let order = self.ready.streams.len();
        let made = self.ready.streams.entry(instance.to_owned()).or_insert_with(|| Made {
            order,
            append: StreamAppend {
                stream: stream.clone(),
                expected: ExpectedVersion::Exact(held.version),
                events: Vec::new(),
            },
            before: (!heard && !called_off).then(|| before.clone()),
            now: before.clone(),
        });
        if heard || called_off {
            made.before = None;
            return Ok(());
        }
        let told_by = match (&input, cause.event) {
            (_, Some(event)) => event.to_string(),
            (Input::Due { deadline, at }, None) => format!("{deadline}@{at}"),
            (_, None) => String::new(),
        };
        let mut step = held.instance.take(input, cause.at).map_err(|error| match error {
            InstanceError::Stray(why) => stray::<S>(instance, &why),
            mistake => ConsumeError::retry(mistake),
        })?;
        step.told_by = cause.event;
        held.instance.heard(cause.event);
        let errands: Vec<_> = step.decided.iter().filter_map(Decided::errand).cloned().collect();
        for errand in &errands {
            if !self.commands.knows(&errand.category, &errand.command) {
                return Err(ConsumeError::retry(format!(
                    "the saga `{}` sends `{}` of `{}`, which is none of its `commands`",
                    S::NAME,
                    errand.command,
                    errand.category
                )));
            }
        }
        let sends = errands
            .into_iter()
            .zip(sent + 1..)
            .map(|(errand, number)| SagaEvent::Sent { number, errand });
        for event in std::iter::once(SagaEvent::Stepped { step }).chain(sends) {
            held.version = held.version.plus(1);
            let mut new = NewEvent::of(&event).map_err(ConsumeError::poison)?;
            if !is_together {
                new = ready::derived(new, stream.as_str(), held.version.get(), &told_by);
            }
            made.append.events.push(new.with_metadata(cause.metadata.clone()));
        }
        made.now.clone_from(held.instance.ledger().deadlines());
        self.ready.moves.moves(&phase, held.instance.ledger().phase());
        self.ready.steps += 1;
        Ok(())
    }

    /// The time by the store's clock, and the earliest timers.
    async fn timers(&self) -> Result<(Timestamp, Vec<TimerRecord>), StoreError> {
        let keys = Alarm::of_slices(&self.slices);
        let found = self.journal.stores().work().transact_with(move |transaction| {
            let keys = keys.clone();
            Box::pin(async move {
                let now = transaction.now().await?;
                Ok((now, earliest(transaction, S::NAME, keys, MOST_DUE).await?))
            })
        });
        found.await
    }

    /// Fires a timer.
    async fn fire(&mut self, alarm: &Alarm, now: Timestamp) -> Result<(), ConsumeError> {
        self.load(&alarm.instance, Begins::Never).await?;
        let input = Input::Due { deadline: alarm.deadline.clone(), at: alarm.at };
        let metadata =
            Metadata { correlation_id: Some(alarm.instance.clone()), ..Metadata::default() };
        self.step(&alarm.instance, input, Cause { event: None, at: now, metadata })
    }

    /// Fires the timers that are due. Returns whether that is all.
    async fn fire_due(
        &mut self,
        now: Timestamp,
        due: Vec<TimerRecord>,
    ) -> Result<bool, ConsumeError> {
        let mut is_all = due.len() < MOST_DUE as usize;
        for timer in due {
            let alarm: Alarm = match serde_json::from_str(&timer.body.0) {
                Ok(alarm) => alarm,
                Err(error) => {
                    let key = &*timer.key;
                    tracing::error!(saga = S::NAME, key, %error, "somebody has damaged a timer");
                    continue;
                }
            };
            // One step an instance, so that one that fails takes nothing else away. The rest comes at once.
            if self.ready.streams.contains_key(&alarm.instance) {
                is_all = false;
                continue;
            }
            let panicked = |why| ConsumeError::retry(format!("it panicked: {why}"));
            match caught(self.fire(&alarm, now), panicked).await {
                Ok(()) => {}
                Err(ConsumeError::Stray(why)) => {
                    tracing::debug!(saga = S::NAME, %why, "a timer that nothing waits for");
                }
                Err(why @ ConsumeError::Retry(_)) => {
                    tracing::error!(saga = S::NAME, %why, "a deadline cannot be dealt with");
                    self.kept.drop(&alarm.instance);
                    self.ready.streams.remove(&alarm.instance);
                    metrics::counter!("annals_saga_deadlines_failed_total", "saga" => S::NAME)
                        .increment(1);
                    let again = alarm.again(now, &why);
                    self.ready.put_off.push(again.map_err(ConsumeError::poison)?);
                    continue;
                }
                Err(error) => return Err(error),
            }
            self.ready.late.push(now.duration_since(alarm.at).as_secs_f64().max(0.0));
            self.ready.fired.insert(timer.key);
        }
        Ok(is_all)
    }
}

#[async_trait]
impl<S: Saga> Consume for Manager<S> {
    async fn take(&mut self, _: Vec<RecordedEvent>) -> Result<(), ConsumeError> {
        Err(ConsumeError::stop("a saga is told events by its instances"))
    }

    async fn take_for(&mut self, events: Vec<Concerned>) -> Result<(), ConsumeError> {
        for concerned in events {
            self.queue.push_back(Told::of::<S>(concerned)?);
        }
        Ok(())
    }

    fn pending(&self) -> usize {
        self.queue.len() + self.ready.pending()
    }

    async fn prepare(&mut self) -> Result<(), ConsumeError> {
        self.kept.load_ahead(&self.queue).await;
        while self.ready.steps < MOST_STEPS
            && let Some(told) = self.queue.pop_front()
        {
            self.tell(&told).await?;
            self.ready.told = told.event.position;
        }
        match self.journal.stores().are_together() {
            true => self.ready.make_ready(&self.journal).await,
            false => self.ready.append_first(&self.journal).await,
        }
    }

    async fn due(&mut self) -> Result<Option<Duration>, ConsumeError> {
        let (now, mut timers) = self.timers().await?;
        let due = timers.partition_point(|timer| timer.due_at <= now);
        self.gauges.looked(now, &timers, due);
        let later = timers.split_off(due);
        let is_all = self.fire_due(now, timers).await?;
        let next = later.first().map_or(LOOK, |timer| until(timer.due_at, now));
        Ok(Some(if is_all { next } else { Duration::ZERO }))
    }

    fn due_in(&self) -> Option<Duration> {
        self.next_due
    }

    async fn write(
        &mut self,
        transaction: &mut dyn Transaction,
        _: &Until,
    ) -> Result<Wrote, ConsumeError> {
        self.ready.write_timers(transaction, S::NAME).await?;
        if !self.ready.moves.is_empty() {
            let mut census = match &self.census {
                Some(census) => census.clone(),
                None => Census::load(transaction, &self.partition).await?,
            };
            census.add(&self.ready.moves);
            census.store(transaction, &self.partition).await?;
            self.ready.census = Some(census);
        }
        self.next_due = match self.ready.earliest() {
            Some(earliest) => Some(until(earliest, transaction.now().await?)),
            None => None,
        };
        Ok(match self.queue.is_empty() {
            true => Wrote::All,
            false => Wrote::UpTo(self.ready.told),
        })
    }

    async fn append(&mut self, transaction: &mut dyn Transaction) -> Result<(), ConsumeError> {
        if let Some(append) = &self.ready.append {
            transaction.append(append).await?;
        }
        Ok(())
    }

    fn written(&mut self) {
        let ready = std::mem::take(&mut self.ready);
        self.kept.is_written();
        metrics::counter!("annals_saga_steps_total", "saga" => S::NAME).increment(ready.steps);
        let late = metrics::histogram!("annals_saga_deadline_late_seconds", "saga" => S::NAME);
        if let Some(census) = ready.census {
            self.gauges.counted(&census);
            self.census = Some(census);
        }
        ready.late.into_iter().for_each(|seconds| late.record(seconds));
    }

    fn forget(&mut self) {
        self.queue.clear();
        self.kept.forget();
        self.census = None;
        self.ready = Ready::default();
        self.next_due = None;
    }
}

/// After how long to look again for what comes at a time.
fn until(at: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(at.duration_since(now)).unwrap_or_default().min(LOOK)
}

/// An input that no instance waits for.
fn stray<S: Saga>(instance: &str, why: &str) -> ConsumeError {
    metrics::counter!("annals_saga_strays_total", "saga" => S::NAME).increment(1);
    ConsumeError::stray(format!("`{instance}` of `{}`: {why}", S::NAME))
}
