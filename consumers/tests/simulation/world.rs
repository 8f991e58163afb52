//! A world by seed: the store that all members share, what is true in it, and what goes wrong.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use annals_consumers::{KeyBy, OnFailure, PartitionRecord};
use annals_core::store::{Append, EventStore};
use annals_core::{
    Clock, ExpectedVersion, MemoryStore, NewEvent, Payload, Position, RecordedEvent, StreamId,
};
use jiff::{SignedDuration, Timestamp};
use tokio::sync::Notify;
use tokio::time::Instant;
use uuid::Uuid;

use crate::cover::{Cover, Happened};
use crate::handlers::Spec;
use crate::line::Line;
use crate::random::Random;
use crate::recorder::Written;
use crate::signal::until;
use crate::trace::{Trace, Who};
use crate::troubles::{Trouble, Troubles};
use crate::truth::{Broken, Deliverer, Truth};
use crate::weather::{Fate, Weather};

/// Of every member.
pub(crate) const LEASE: Duration = Duration::from_secs(3);

/// By how much the store's clock may be wrong at the most.
pub(crate) const WRONG_BY: Duration = Duration::from_secs(60);

/// The paused clock, as the store's: a server that takes another's place may have a wrong one.
struct Paused {
    begun: Instant,
    wrong: Mutex<(SignedDuration, Option<Instant>)>,
}

impl Clock for Paused {
    fn now(&self) -> Timestamp {
        let passed = SignedDuration::try_from(self.begun.elapsed()).expect("a short life");
        Timestamp::from_second(1_000_000_000).expect("a time") + passed + lock(&self.wrong).0
    }
}

pub(crate) struct World {
    pub(crate) store: MemoryStore,
    pub(crate) specs: Vec<Spec>,
    clock: Arc<Paused>,
    random: Mutex<Random>,
    truth: Mutex<Truth>,
    trace: Mutex<Trace>,
    cover: Mutex<Cover>,
    weather: Mutex<Weather>,
    troubles: Mutex<Troubles>,
    broken: Mutex<Option<Broken>>,
    restarts: AtomicU64,
    requests: AtomicU64,
    told: Notify,
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

impl World {
    pub(crate) fn new(seed: u64, kept_steps: usize) -> Arc<Self> {
        let mut random = Random::new(seed);
        let specs = specs(&mut random);
        let weather = Weather::of(&mut random);
        let troubles = Troubles::of(&mut random);
        let clock = Arc::new(Paused { begun: Instant::now(), wrong: Mutex::default() });
        Arc::new(Self {
            store: MemoryStore::with_clock(clock.clone()),
            clock,
            truth: Mutex::new(Truth::new(&specs)),
            specs,
            random: Mutex::new(random),
            trace: Mutex::new(Trace::new(kept_steps)),
            cover: Mutex::default(),
            weather: Mutex::new(weather),
            troubles: Mutex::new(troubles),
            broken: Mutex::default(),
            restarts: AtomicU64::new(0),
            requests: AtomicU64::new(0),
            told: Notify::new(),
        })
    }

    pub(crate) fn roll<T>(&self, roll: impl FnOnce(&mut Random) -> T) -> T {
        roll(&mut lock(&self.random))
    }

    pub(crate) fn happened(&self, what: Happened) {
        lock(&self.cover).count(what);
    }

    pub(crate) fn step(&self, who: Who, what: String) {
        lock(&self.trace).step(who, what);
    }

    pub(crate) fn cover(&self) -> Cover {
        lock(&self.cover).clone()
    }

    pub(crate) fn trace(&self) -> MutexGuard<'_, Trace> {
        lock(&self.trace)
    }

    pub(crate) fn truth(&self) -> MutexGuard<'_, Truth> {
        lock(&self.truth)
    }

    /// The first promise that was broken.
    pub(crate) fn broken(&self) -> Option<Broken> {
        lock(&self.broken).clone()
    }

    pub(crate) fn keep(&self, kept: Result<(), Broken>) {
        if let Err(broken) = kept {
            lock(&self.broken).get_or_insert(broken);
        }
    }

    /// Appends an event, and wakes those whose wake-up is not lost.
    pub(crate) async fn append(&self, stream: &str, lines: impl Iterator<Item = &Arc<Line>>) {
        let event = NewEvent::raw("thing.happened", 1, Payload::parse("{}").expect("JSON"));
        let stream = StreamId::parse(stream).expect("a stream's name");
        let append = Append::to(stream.clone(), ExpectedVersion::Any, vec![event]);
        let head = EventStore::append(&self.store, append).await.expect("there is room").position;
        lock(&self.truth).appended(&stream);
        self.step(Who::Operator, format!("appends {head} to {stream}"));
        let odds = lock(&self.weather).loses_wake_up;
        for line in lines {
            match self.roll(|random| random.chance(odds)) {
                true => self.happened(Happened::WakeUpLost),
                false => line.wakeups.wake(head),
            }
        }
    }

    pub(crate) fn fate(&self) -> Fate {
        let weather = *lock(&self.weather);
        self.roll(|random| weather.fate(random, LEASE))
    }

    /// All is well from now on.
    pub(crate) fn clears_up(&self) {
        *lock(&self.weather) = Weather::fair();
        lock(&self.troubles).end();
    }

    /// From now on the store's clock shows something else.
    pub(crate) fn set_clock(&self) {
        let most = WRONG_BY.as_millis() as u64;
        let ms = self.roll(|random| random.below(2 * most)).cast_signed() - most.cast_signed();
        let wrong = SignedDuration::from_millis(ms);
        *lock(&self.clock.wrong) = (wrong, Some(Instant::now()));
        self.happened(Happened::ClockSet);
        self.step(Who::Operator, format!("the store's clock is wrong by {wrong:?}"));
    }

    /// Whether its clock was set not longer ago than this.
    pub(crate) fn clock_set_within(&self, time: Duration) -> bool {
        lock(&self.clock.wrong).1.is_some_and(|at| at.elapsed() <= time)
    }

    pub(crate) fn store_is_down(&self) -> bool {
        lock(&self.weather).store_is_down
    }

    /// Whatever the store was in the middle of is undone.
    pub(crate) fn store_goes_down(&self) {
        lock(&self.weather).store_is_down = true;
        self.restarts.fetch_add(1, Ordering::Relaxed);
        self.told.notify_waiters();
    }

    pub(crate) fn store_comes_back(&self) {
        lock(&self.weather).store_is_down = false;
    }

    pub(crate) fn restarts(&self) -> u64 {
        self.restarts.load(Ordering::Relaxed)
    }

    /// An id that sorts behind those before it.
    pub(crate) fn next_request(&self) -> Uuid {
        Uuid::from_u64_pair(self.requests.fetch_add(1, Ordering::Relaxed), 0)
    }

    /// Waits until the store has restarted more often than this.
    pub(crate) async fn restart_after(&self, restarts: u64) {
        until(&self.told, || self.restarts() > restarts).await;
    }

    pub(crate) fn trouble(&self, consumer: usize, key: &str) -> Option<Trouble> {
        lock(&self.troubles).meet(consumer, key)
    }

    pub(crate) fn begin_trouble(&self, consumer: usize, key: String) -> Trouble {
        self.roll(|random| lock(&self.troubles).begin(consumer, key, random))
    }

    /// Handlers work again; the rest stays as it is.
    pub(crate) fn end_troubles(&self) {
        lock(&self.troubles).end();
    }

    pub(crate) fn opens_badly(&self) -> bool {
        let odds = lock(&self.troubles).opens_badly;
        self.roll(|random| random.chance(odds))
    }

    pub(crate) fn loses_effects(&self) -> bool {
        let odds = lock(&self.troubles).loses_effects;
        self.roll(|random| random.chance(odds))
    }

    pub(crate) fn committed(&self, who: Who, written: &[Written]) {
        let kept = lock(&self.truth).committed(written, |what, words| {
            self.happened(what);
            if !words.is_empty() {
                self.step(who, words);
            }
        });
        self.keep(kept);
    }

    /// Events of one key are under way for as long as the result lives.
    pub(crate) fn begin_delivery(
        self: &Arc<Self>,
        partition: &PartitionRecord,
        consumer: usize,
        events: &[RecordedEvent],
    ) -> Delivery {
        let spec = &self.specs[consumer];
        let keys = events.iter().map(|event| spec.key.of(event));
        let keys: BTreeSet<&str> = keys.collect();
        let belong_together = keys.len() == 1
            && events.len() <= spec.at_once
            && events.is_sorted_by(|before, after| before.position < after.position);
        if !belong_together {
            self.keep(Err(Broken(format!("{}: these come together: {events:?}", spec.name))));
        }
        if events.len() > 1 {
            self.happened(Happened::AtOnce);
        }
        let key = keys.into_iter().next().unwrap_or_default().to_owned();
        let id = (partition.id().checkpoint(), partition.token, key);
        self.keep(lock(&self.truth).delivery_begins(id.clone()));
        Delivery { world: self.clone(), id }
    }

    pub(crate) fn effect_outside(&self, line: &Line, partition: &PartitionRecord, event: Position) {
        let now = self.clock.now();
        // It notices within a third of the lease, and what is under way then comes to its end.
        let grace = LEASE / 3 + Duration::from_millis(500);
        let deliverer = Deliverer {
            partition,
            // Nor does one know that counts as dead because the clock was put forward.
            was_frozen: line.link.thawed_within(grace) || self.clock_set_within(LEASE + grace),
            grace_until: now - SignedDuration::try_from(grace).expect("a short time"),
            now,
        };
        let kept = lock(&self.truth).effect_outside(&deliverer, event, |what, words| {
            self.happened(what);
            self.step(line.who, words);
        });
        self.keep(kept);
    }
}

/// Events that are under way.
pub(crate) struct Delivery {
    world: Arc<World>,
    id: (String, u64, String),
}

impl Drop for Delivery {
    fn drop(&mut self) {
        lock(&self.world.truth).delivery_ends(&self.id);
    }
}

/// The consumers of a world.
fn specs(random: &mut Random) -> Vec<Spec> {
    let names = ["a", "b", "c"];
    let count = *random.pick(&[1, 1, 2, 2, 3]);
    let spec = |name: &&'static str| Spec {
        name,
        external: random.chance(500),
        key: *random.pick(&[KeyBy::Stream, KeyBy::Id]),
        on_failure: *random.pick(&[
            OnFailure::Park,
            OnFailure::Park,
            OnFailure::Park,
            OnFailure::Park,
            OnFailure::Skip,
            OnFailure::Stop,
        ]),
        categories: match random.chance(200) {
            true => vec!["order".to_owned()],
            false => Vec::new(),
        },
        parts: *random.pick(&[1, 1, 2, 2, 3, 4, 4, 8]),
        at_once: *random.pick(&[1, 1, 2, 5]),
    };
    names.iter().take(count).map(spec).collect()
}
