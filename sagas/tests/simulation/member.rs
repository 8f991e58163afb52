//! A process that runs the saga, behind a store that fails as the world likes.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use annals_consumers::{Engine, EngineOptions};
use annals_core::store::{StoreError, Stores};
use annals_core::{Clock, IdGenerator, Journal, JournalOptions, MemoryStore};
use annals_sagas::definitions;
use annals_testkit::{Faults, FaultyStore, Operation};
use uuid::Uuid;

use crate::cover::{Cover, Happened};
use crate::flows::Flows;
use crate::random::Random;

/// After how long without a sign of life it counts as dead.
pub(crate) const LEASE: Duration = Duration::from_secs(1);

/// The calls that it makes all the time.
const CALLS: [Operation; 11] = [
    Operation::Append,
    Operation::Checkpoint,
    Operation::Command,
    Operation::Head,
    Operation::LoadRows,
    Operation::QueryRows,
    Operation::ReadLog,
    Operation::ReadStream,
    Operation::State,
    Operation::Transact,
    Operation::TransactApart,
];

/// What it works on.
#[derive(Clone)]
pub(crate) struct Home {
    pub(crate) log: MemoryStore,
    /// The same store, or another.
    pub(crate) work: MemoryStore,
    pub(crate) are_together: bool,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) ids: Arc<Ids>,
}

/// Ids that are the same for the same seed.
pub(crate) struct Ids(Mutex<Random>);

impl Ids {
    pub(crate) fn new(seed: u64) -> Self {
        Self(Mutex::new(Random::new(seed)))
    }
}

impl IdGenerator for Ids {
    fn next(&self) -> Uuid {
        let mut random = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Uuid::from_u64_pair(random.next(), random.next())
    }
}

impl Home {
    /// Without any fault.
    pub(crate) fn stores(&self) -> Stores {
        match self.are_together {
            true => Stores::of(Arc::new(self.log.clone())),
            false => Stores::apart(Arc::new(self.log.clone()), Arc::new(self.work.clone())),
        }
    }

    fn faulty(&self) -> (Stores, Vec<Faults>) {
        let faulty = |store: &MemoryStore| {
            let store = Arc::new(FaultyStore::new(Arc::new(store.clone())));
            (store.faults().clone(), store)
        };
        let (faults, log) = faulty(&self.log);
        if self.are_together {
            return (Stores::from(log), vec![faults]);
        }
        let (more, work) = faulty(&self.work);
        (Stores::apart(log, work), vec![faults, more])
    }

    pub(crate) fn journal(&self, stores: Stores) -> Journal {
        let (clock, ids) = (self.clock.clone(), self.ids.clone());
        Journal::new(stores, JournalOptions { clock, ids, ..Default::default() })
    }
}

pub(crate) struct Member {
    pub(crate) engine: Engine,
    faults: Vec<Faults>,
    /// How long its calls take at least.
    pace: Duration,
    /// The last append that something happens to, counted from the first.
    last_append: u64,
}

impl Member {
    /// Starts it.
    pub(crate) async fn start(home: &Home, options: EngineOptions, pace: Duration) -> Self {
        let (stores, faults) = home.faulty();
        let journal = home.journal(stores.clone());
        let mut consumers = Vec::new();
        for definition in definitions::<Flows>(&journal) {
            definition.register(&journal).await.expect("nothing fails yet");
            consumers.push(definition.consumer);
        }
        let member = Self {
            engine: Engine::start(stores, consumers, options),
            faults,
            pace,
            last_append: 0,
        };
        member.takes(pace);
        member
    }

    fn takes(&self, pace: Duration) {
        for faults in &self.faults {
            CALLS.iter().for_each(|call| faults.delay(*call, pace));
        }
    }

    /// Its log comes with repetitions from now on.
    pub(crate) fn hears_again(&self, times: u64) {
        self.faults.iter().for_each(|faults| faults.redeliver(times));
    }

    /// Something happens to one of its next calls.
    pub(crate) fn fault(&mut self, random: &mut Random, cover: &mut Cover) {
        let writes = [Operation::Transact, Operation::Append, Operation::TransactApart];
        let often = random.chance(650);
        let call = *random.pick(if often { &writes[..2] } else { &CALLS });
        let nth = random.between(1, 12);
        if call == Operation::Append {
            let calls = self.faults[0].calls(call) + nth;
            // Whoever waits for its store waits by chance, and every run of a seed is the same: not three times
            // in a row.
            if calls < self.last_append + 3 {
                return;
            }
            self.last_append = calls;
        }
        let kinds = match (call, writes.contains(&call)) {
            (Operation::Append, _) => 4,
            (_, true) => 3,
            (_, false) => 1,
        };
        let kind = random.below(kinds);
        for faults in &self.faults {
            match kind {
                0 => faults.fail_next(call, nth, unavailable()),
                1 => faults.lose_request(call, nth),
                2 => faults.lose_reply(call, nth),
                _ => faults.duplicate(nth),
            }
        }
        let all = [Happened::Failed, Happened::RequestLost, Happened::ReplyLost, Happened::Doubled];
        cover.count(all[kind as usize]);
    }

    /// It makes no step for a while, and goes on with all that it believed.
    pub(crate) fn freeze(&self, time: Duration) {
        self.takes(time);
        let (faults, pace) = (self.faults.clone(), self.pace);
        tokio::spawn(async move {
            tokio::time::sleep(time).await;
            for faults in faults {
                CALLS.iter().for_each(|call| faults.delay(*call, pace));
            }
        });
    }
}

fn unavailable() -> StoreError {
    let source = Arc::new(std::io::Error::other("simulated"));
    StoreError::Unavailable { place: "the store".to_owned(), source }
}
