//! The consumer that tells instances what has happened, and writes what they decide.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use annals_consumers::{Consume, ConsumeError, TimerRecord, Until, Wrote, cancel, due, schedule};
use annals_core::store::{Append, StoreError, StreamAppend, TransactExt, Transaction};
use annals_core::{
    Event, ExpectedVersion, Journal, Metadata, NewEvent, Position, Recorded, RecordedEvent,
    StreamVersion,
};
use async_trait::async_trait;
use jiff::Timestamp;
use lru::LruCache;

use crate::alarm::Alarm;
use crate::commands::Commands;
use crate::correlation::Begins;
use crate::decision::Decided;
use crate::event::{Reply, SagaEvent, said, stream_of};
use crate::input::{HappenedEvent, Input};
use crate::instance::{Instance, InstanceError};
use crate::ledger::Phase;
use crate::saga::Saga;
use crate::steps::{self, Unread};

/// How many steps a transaction has at the most.
const MOST_STEPS: usize = 500;

/// How many instances are kept in memory.
const KEPT: usize = 10_000;

/// How many timers are fired at once.
const MOST_DUE: u32 = 200;

/// How often is looked for what is due.
const LOOK: Duration = Duration::from_secs(1);

/// After how long a deadline is tried again whose step fails.
const AGAIN: Duration = Duration::from_secs(5);

pub(crate) struct Manager<S> {
    journal: Journal,
    commands: Arc<Commands>,
    /// What has come and was not told yet.
    queue: VecDeque<RecordedEvent>,
    kept: LruCache<String, Held<S>>,
    ready: Ready,
}

/// An instance, as its stream says up to a version.
struct Held<S> {
    instance: Instance<S>,
    version: StreamVersion,
}

/// What the next transaction writes.
#[derive(Default)]
struct Ready {
    steps: usize,
    /// Everything that came up to here is told.
    told: Position,
    /// By instance.
    streams: BTreeMap<String, Made>,
    /// Timers that have been dealt with, by key.
    fired: BTreeSet<String>,
    /// Timers that are tried again later.
    put_off: Vec<TimerRecord>,
}

/// What an instance has made.
struct Made {
    append: StreamAppend,
    /// Its deadlines before.
    before: BTreeMap<String, Timestamp>,
    /// Its deadlines now.
    now: BTreeMap<String, Timestamp>,
}

impl<S: Saga> Manager<S> {
    pub(crate) fn new(journal: Journal, commands: Arc<Commands>) -> Self {
        let most = NonZeroUsize::new(KEPT).unwrap_or(NonZeroUsize::MIN);
        let (queue, ready) = Default::default();
        Self { journal, commands, queue, kept: LruCache::new(most), ready }
    }

    /// Tells the instances that an event concerns.
    async fn tell(&mut self, event: &RecordedEvent) -> Result<(), ConsumeError> {
        if SagaEvent::knows(event.event_type.as_str()) {
            return self.pass_on(event).await;
        }
        let recorded = Recorded::<S::Event>::decode(event.clone()).map_err(ConsumeError::poison)?;
        for correlation in S::correlate(&recorded) {
            let happened = HappenedEvent::of(event).map_err(ConsumeError::poison)?;
            let instance = correlation.instance;
            let held = self.load(&instance).await?;
            let is_new = *held.instance.ledger().phase() == Phase::New;
            match correlation.begins {
                Begins::Always if !is_new => {
                    let why = format!("`{instance}` of `{}` has begun already", S::NAME);
                    return Err(stray::<S>(why));
                }
                Begins::Never if is_new => {
                    let why = format!("`{instance}` of `{}` has never begun", S::NAME);
                    return Err(stray::<S>(why));
                }
                _ => {}
            }
            let cause = Metadata::caused_by(event);
            self.step(&instance, Input::Event(happened), (event.recorded_at, cause))?;
        }
        Ok(())
    }

    /// Passes on what was said to an instance.
    async fn pass_on(&mut self, event: &RecordedEvent) -> Result<(), ConsumeError> {
        if event.stream.category() != said(S::NAME) {
            return Ok(());
        }
        let recorded =
            Recorded::<SagaEvent>::decode(event.clone()).map_err(ConsumeError::poison)?;
        let input = match recorded.data {
            SagaEvent::Replied { number: command, reply: Reply::Done } => Input::Done { command },
            SagaEvent::Replied { number: command, reply: Reply::Refused { reason } } => {
                Input::Refused { command, reason }
            }
            SagaEvent::Steered { steer } => Input::Steered(steer),
            SagaEvent::Stepped { .. } | SagaEvent::Sent { .. } => return Ok(()),
        };
        let instance = event.stream.id().to_owned();
        let is_person = matches!(input, Input::Steered(_));
        self.load(&instance).await?;
        match self.step(&instance, input, (event.recorded_at, Metadata::caused_by(event))) {
            // Things have gone on since they looked. Replies that come later must not wait for that.
            Err(ConsumeError::Poison(why)) if is_person => {
                tracing::warn!(saga = S::NAME, instance, %why, "what a person said came too late");
                Ok(())
            }
            told => told,
        }
    }

    /// Lets an instance that was loaded take a step.
    fn step(
        &mut self,
        instance: &str,
        input: Input,
        (now, cause): (Timestamp, Metadata),
    ) -> Result<(), ConsumeError> {
        let Some(held) = self.kept.get_mut(instance) else { return Err(ConsumeError::Interrupted) };
        let before = held.instance.ledger().deadlines().clone();
        let sent = held.instance.ledger().sent();
        let step = held.instance.take(input, now).map_err(|error| match error {
            InstanceError::Stray(why) => {
                stray::<S>(format!("`{instance}` of `{}`: {why}", S::NAME))
            }
            mistake => ConsumeError::retry(mistake),
        })?;
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
        let stream = stream_of(S::NAME, instance).map_err(ConsumeError::poison)?;
        let expected = ExpectedVersion::Exact(held.version);
        let made = self.ready.streams.entry(instance.to_owned()).or_insert_with(|| Made {
            append: StreamAppend { stream, expected, events: Vec::new() },
            before,
            now: BTreeMap::new(),
        });
        let sends = errands
            .into_iter()
            .zip(sent + 1..)
            .map(|(errand, number)| SagaEvent::Sent { number, errand });
        for event in std::iter::once(SagaEvent::Stepped { step }).chain(sends) {
            let new = NewEvent::of(&event).map_err(ConsumeError::poison)?;
            made.append.events.push(new.with_metadata(cause.clone()));
            held.version = held.version.plus(1);
        }
        made.now.clone_from(held.instance.ledger().deadlines());
        self.ready.steps += 1;
        Ok(())
    }

    /// An instance as its stream says.
    async fn load(&mut self, instance: &str) -> Result<&mut Held<S>, ConsumeError> {
        if !self.kept.contains(instance) {
            let held = self.read(instance).await?;
            // What is not written yet must not be pushed out.
            if self.ready.streams.len() >= KEPT {
                return Err(ConsumeError::poison(format!(
                    "it concerns more than {KEPT} instances of `{}`: let it concern one, which sends commands \
                     that concern the others",
                    S::NAME
                )));
            }
            self.kept.put(instance.to_owned(), held);
        }
        self.kept.get_mut(instance).ok_or(ConsumeError::Interrupted)
    }

    async fn read(&self, instance: &str) -> Result<Held<S>, ConsumeError> {
        let stream = stream_of(S::NAME, instance).map_err(ConsumeError::poison)?;
        let mut instance = Instance::default();
        let fold = |step| instance.fold(&step).map_err(|error| error.to_string());
        let version = steps::read(&**self.journal.log(), &stream, fold).await;
        let version = version.map_err(|unread| match unread {
            Unread::Store(error) => error.into(),
            Unread::Corrupt { why, .. } => ConsumeError::poison(why),
        })?;
        Ok(Held { instance, version })
    }

    /// The timers that are due by the store's clock, and the time.
    async fn due_now(&self) -> Result<(Timestamp, Vec<TimerRecord>), StoreError> {
        let found = self.journal.stores().work().transact_with(|transaction| {
            Box::pin(async move {
                let now = transaction.now().await?;
                Ok((now, due(transaction, S::NAME, MOST_DUE).await?))
            })
        });
        found.await
    }

    /// Fires a timer.
    async fn fire(&mut self, alarm: &Alarm, now: Timestamp) -> Result<(), ConsumeError> {
        self.load(&alarm.instance).await?;
        let input = Input::Due { deadline: alarm.deadline.clone(), at: alarm.at };
        let cause =
            Metadata { correlation_id: Some(alarm.instance.clone()), ..Metadata::default() };
        let late = now.duration_since(alarm.at).as_secs_f64().max(0.0);
        metrics::histogram!("annals_saga_deadline_late_seconds", "saga" => S::NAME).record(late);
        self.step(&alarm.instance, input, (now, cause))
    }
}

#[async_trait]
impl<S: Saga> Consume for Manager<S> {
    async fn take(&mut self, events: Vec<RecordedEvent>) -> Result<(), ConsumeError> {
        self.queue.extend(events);
        Ok(())
    }

    fn pending(&self) -> usize {
        self.queue.len() + self.ready.steps + self.ready.fired.len() + self.ready.put_off.len()
    }

    async fn prepare(&mut self) -> Result<(), ConsumeError> {
        while self.ready.steps < MOST_STEPS
            && let Some(event) = self.queue.pop_front()
        {
            self.tell(&event).await?;
            self.ready.told = event.position;
        }
        Ok(())
    }

    async fn due(&mut self) -> Result<Option<Duration>, ConsumeError> {
        let (now, timers) = self.due_now().await?;
        let found = timers.len();
        for timer in timers {
            let alarm: Alarm = serde_json::from_str(&timer.body.0).map_err(ConsumeError::poison)?;
            // One step an instance, so that one that fails takes nothing else away. The rest comes at once.
            if self.ready.streams.contains_key(&alarm.instance) {
                continue;
            }
            match self.fire(&alarm, now).await {
                Ok(()) => {}
                // It was called off, or its instance has ended.
                Err(ConsumeError::Poison(why)) => {
                    tracing::debug!(saga = S::NAME, %why, "a timer that nothing waits for");
                }
                Err(ConsumeError::Retry(why)) => {
                    tracing::error!(saga = S::NAME, %why, "a deadline cannot be dealt with");
                    self.kept.pop(&alarm.instance);
                    let due_at = now.saturating_add(AGAIN).unwrap_or(Timestamp::MAX);
                    self.ready.put_off.push(TimerRecord { due_at, ..timer });
                    continue;
                }
                Err(error) => return Err(error),
            }
            self.ready.fired.insert(timer.key);
        }
        let dealt_with = self.ready.fired.len() + self.ready.put_off.len();
        let is_all = found < MOST_DUE as usize && dealt_with == found;
        Ok(Some(if is_all { LOOK } else { Duration::ZERO }))
    }

    async fn write(
        &mut self,
        transaction: &mut dyn Transaction,
        _: &Until,
    ) -> Result<Wrote, ConsumeError> {
        for key in &self.ready.fired {
            cancel(transaction, (S::NAME, key)).await?;
        }
        for timer in &self.ready.put_off {
            let of = (S::NAME, timer.key.as_str());
            schedule(transaction, of, timer.due_at, &timer.body.0).await?;
        }
        for (instance, made) in &self.ready.streams {
            for deadline in made.before.keys().filter(|name| !made.now.contains_key(*name)) {
                cancel(transaction, (S::NAME, &Alarm::key(instance, deadline))).await?;
            }
            let set = made.now.iter().filter(|(name, at)| made.before.get(*name) != Some(at));
            for (deadline, at) in set {
                let (instance, deadline) = (instance.clone(), deadline.clone());
                let key = Alarm::key(&instance, &deadline);
                let body = serde_json::to_string(&Alarm { instance, deadline, at: *at })
                    .map_err(ConsumeError::poison)?;
                schedule(transaction, (S::NAME, &key), *at, &body).await?;
            }
        }
        Ok(match self.queue.is_empty() {
            true => Wrote::All,
            false => Wrote::UpTo(self.ready.told),
        })
    }

    async fn append(&mut self, transaction: &mut dyn Transaction) -> Result<(), ConsumeError> {
        if self.ready.streams.is_empty() {
            return Ok(());
        }
        let streams = self.ready.streams.values().map(|made| made.append.clone()).collect();
        transaction.append(&Append { streams, ..Append::default() }).await?;
        Ok(())
    }

    fn written(&mut self) {
        metrics::counter!("annals_saga_steps_total", "saga" => S::NAME)
            .increment(self.ready.steps as u64);
        self.ready = Ready::default();
    }

    fn forget(&mut self) {
        self.queue.clear();
        self.kept.clear();
        self.ready = Ready::default();
    }
}

/// An event that no instance waits for.
fn stray<S: Saga>(why: String) -> ConsumeError {
    metrics::counter!("annals_saga_strays_total", "saga" => S::NAME).increment(1);
    ConsumeError::poison(why)
}
