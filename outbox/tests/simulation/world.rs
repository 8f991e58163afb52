//! What happens: a storm, and then calm weather in which everything must come right.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use annals_consumers::{Engine, EngineOptions, SubscriberDefinition, ops};
use annals_core::store::{Append, EventStore, Stores, TableStore, TransactExt};
use annals_core::table::{RowQuery, Value};
use annals_core::{Clock, ExpectedVersion, MemoryStore, NewEvent, StreamId};
use annals_outbox::{Inbound, PublicLog, RelayOptions, relay};
use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use crate::broker::{In, Out, Sky, Told, Weather};
use crate::random::Random;
use crate::service::{Orders, Private, reader, trails};

/// How soon everything must have arrived when nothing fails any more.
const CALM: Duration = Duration::from_secs(120);

/// What has happened.
#[derive(Debug, Default)]
pub(crate) struct Cover {
    events: u64,
    killed: u64,
    outages: u64,
    in_doubt: u64,
    cuts: u64,
    repeated: u64,
    /// More messages than facts.
    surplus: u64,
    /// Pages of history.
    told: u64,
}

impl Cover {
    pub(crate) fn add(&mut self, other: &Self) {
        self.events += other.events;
        self.killed += other.killed;
        self.outages += other.outages;
        self.in_doubt += other.in_doubt;
        self.cuts += other.cuts;
        self.repeated += other.repeated;
        self.surplus += other.surplus;
        self.told += other.told;
    }

    pub(crate) fn is_whole(&self) -> bool {
        let all = [self.killed, self.outages, self.in_doubt, self.cuts, self.repeated];
        all.into_iter().chain([self.surplus, self.told]).all(|count| count > 0)
    }
}

struct Paused(Instant);

impl Clock for Paused {
    fn now(&self) -> Timestamp {
        let passed = SignedDuration::try_from(self.0.elapsed()).expect("a short life");
        Timestamp::from_second(1_000_000_000).expect("a time") + passed
    }
}

/// A service: its store, what it runs, and its processes.
struct Service {
    stores: Stores,
    make: Box<dyn Fn() -> SubscriberDefinition>,
    processes: Vec<Option<Engine>>,
}

pub(crate) struct World {
    random: Random,
    sky: Arc<Sky>,
    shop: MemoryStore,
    reader: MemoryStore,
    services: [Service; 2],
    options: EngineOptions,
    /// How many events each stream has.
    streams: BTreeMap<u64, u64>,
    placed: u64,
    cover: Cover,
}

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

impl World {
    pub(crate) fn new(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let weather = Weather {
            loses_answers: *random.pick(&[0, 20, 100]),
            repeats: *random.pick(&[0, 20, 200]),
            hangs: *random.pick(&[0, 0, 10]),
            cuts: *random.pick(&[0, 20, 200]),
            forgets: *random.pick(&[0, 50, 300]),
        };
        let sky = Sky::new(random.next(), weather);
        let clock: Arc<dyn Clock> = Arc::new(Paused(Instant::now()));
        let (shop, other) =
            (MemoryStore::with_clock(clock.clone()), MemoryStore::with_clock(clock));
        let lanes = random.between(1, 4);
        let begins_with_history = random.chance(333);
        let parts = if begins_with_history { 1 } else { random.between(1, 4) as u32 };
        let log = PublicLog::new(Orders { lanes }, Arc::new(shop.clone()));
        let out = sky.clone();
        let relays = move || {
            let options = RelayOptions { publish_within: ms(3_000), ..RelayOptions::default() };
            relay(Orders { lanes }, Arc::new(Out(out.clone())), options)
        };
        let inside = sky.clone();
        let readers = move || {
            let topics = (0..lanes).map(|lane| format!("orders.{lane}"));
            let source = In(inside.clone(), inside.broker.source(topics));
            let inbound = Inbound::new("other", source).partitions(parts);
            reader(&match begins_with_history {
                true => inbound.history(Arc::new(Told(inside.clone(), log.clone()))),
                false => inbound,
            })
        };
        let service = |store: &MemoryStore, make, processes| Service {
            stores: Stores::of(Arc::new(store.clone())),
            make,
            processes: (0..processes).map(|_| None).collect(),
        };
        let services = [
            service(&shop, Box::new(relays) as Box<_>, random.between(1, 2)),
            service(&other, Box::new(readers), random.between(1, 3)),
        ];
        let options = EngineOptions {
            label: "simulated".to_owned(),
            lease: ms(1_000),
            page_events: *random.pick(&[1, 3, 20]),
            retry_after: ms(50),
            retry_at_most: ms(1_000),
            retry_in_place: ms(*random.pick(&[0, 300])),
            window: random.between(1, 16) as usize,
            stop_within: ms(2_000),
            own_thread: false,
            lock_directory: None,
            ..EngineOptions::default()
        };
        Self {
            random,
            sky,
            shop,
            reader: other,
            services,
            options,
            streams: BTreeMap::new(),
            placed: 0,
            cover: Cover::default(),
        }
    }

    pub(crate) async fn run(mut self) -> Result<Cover, String> {
        let table = self.reader.transact_with(|transaction| {
            Box::pin(async move { transaction.create_table(trails()).await })
        });
        table.await.expect("there is room");
        for service in &self.services {
            let declared = (service.make)().declare(&service.stores).await;
            declared.expect("the memory has room");
        }
        let storm = ms(self.random.between(3_000, 20_000));
        let ends_at = Instant::now() + storm;
        while Instant::now() < ends_at {
            tokio::time::sleep(ms(self.random.below(300))).await;
            self.anything().await;
        }
        self.calm().await
    }

    async fn anything(&mut self) {
        let service = self.random.below(2) as usize;
        let process = self.random.below(self.services[service].processes.len() as u64) as usize;
        match self.random.below(100) {
            0..60 => self.append().await,
            60..80 => self.start(service, process),
            80..88 => {
                // At whatever it waits for.
                let killed = self.services[service].processes[process].take();
                self.cover.killed += u64::from(killed.is_some());
            }
            88..92 => {
                if let Some(engine) = self.services[service].processes[process].take() {
                    engine.stop().await;
                }
            }
            92..96 => {
                self.cover.outages += 1;
                self.sky.broker.go_down("it restarts");
            }
            _ => self.sky.broker.come_up(),
        }
    }

    async fn append(&mut self) {
        for _ in 0..self.random.between(1, 6) {
            let (stream, n) = (self.random.below(12), self.placed);
            let event = NewEvent::of(&Private::Placed { n }).expect("it can be written");
            let name = StreamId::new("order", stream).expect("a name");
            let append = Append::to(name, ExpectedVersion::Any, vec![event]);
            self.shop.append(append).await.expect("there is room");
            *self.streams.entry(stream).or_default() += 1;
            self.placed += 1;
            self.cover.events += 1;
        }
    }

    fn start(&mut self, service: usize, process: usize) {
        let seed = Some(self.random.next());
        let service = &mut self.services[service];
        if service.processes[process].is_none() {
            let options = EngineOptions { seed, ..self.options.clone() };
            let consumer = (service.make)().consumer;
            let engine = Engine::start(service.stores.clone(), vec![consumer], options);
            service.processes[process] = Some(engine);
        }
    }

    async fn calm(mut self) -> Result<Cover, String> {
        self.sky.clears_up();
        for service in 0..2 {
            for process in 0..self.services[service].processes.len() {
                self.start(service, process);
            }
        }
        let deadline = Instant::now() + CALM;
        let wanted = self.wanted().await;
        while self.trails().await != wanted {
            if Instant::now() > deadline {
                let (came, trouble) = (self.trails().await, self.trouble().await);
                return Err(format!("it came to {came:#?} and not to {wanted:#?}; {trouble}"));
            }
            tokio::time::sleep(ms(100)).await;
        }
        // Nothing comes on top of it.
        tokio::time::sleep(ms(5_000)).await;
        let came = self.trails().await;
        if came != wanted {
            return Err(format!("more came: {came:#?} and not {wanted:#?}"));
        }
        for service in &self.services {
            for status in ops::consumers(&**service.stores.work()).await.expect("readable") {
                if status.parked_keys > 0 {
                    return Err(format!(
                        "{} keys of {} are parked",
                        status.parked_keys, status.name
                    ));
                }
            }
        }
        let facts: usize = wanted.values().map(|trail| trail.split_whitespace().count()).sum();
        let sent: usize =
            (0..4).map(|lane| self.sky.broker.messages(&format!("orders.{lane}")).len()).sum();
        self.cover.surplus = sent.saturating_sub(facts) as u64;
        self.cover.in_doubt = self.sky.in_doubt.load(Ordering::Relaxed);
        self.cover.cuts = self.sky.cuts.load(Ordering::Relaxed);
        self.cover.told = self.sky.told.load(Ordering::Relaxed);
        self.cover.repeated = self.sky.repeated.load(Ordering::Relaxed);
        for engine in self.services.into_iter().flat_map(|service| service.processes).flatten() {
            let stopped = tokio::time::timeout(ms(4_000), engine.stop()).await;
            stopped.map_err(|_| "a process does not stop in time".to_owned())?;
        }
        Ok(self.cover)
    }

    /// What a single reader that misses nothing would have written.
    async fn wanted(&self) -> BTreeMap<String, String> {
        let query = annals_core::store::LogQuery::after(annals_core::Position::START);
        let page = self.shop.read_log(&query.limit(100_000)).await.expect("it can be read");
        let mut wanted: BTreeMap<String, String> = BTreeMap::new();
        for event in page.events {
            let read = annals_core::Recorded::<Private>::decode(event).expect("it was written");
            let Private::Placed { n } = read.data;
            let trail = wanted.entry(read.stream.to_string()).or_default();
            trail.push_str(&format!(" {}", read.version));
            if n % 3 == 0 {
                trail.push_str(&format!(" {}m", read.version));
            }
        }
        wanted
    }

    async fn trails(&self) -> BTreeMap<String, String> {
        let rows = self.reader.query_rows(trails(), &RowQuery::default()).await.expect("readable");
        let pair = |row: Vec<Value>| match row.as_slice() {
            [Value::Text(stream), Value::Text(trail)] => (stream.clone(), trail.clone()),
            other => panic!("a strange row: {other:?}"),
        };
        rows.into_iter().map(pair).collect()
    }

    async fn trouble(&self) -> String {
        let mut all = Vec::new();
        for service in &self.services {
            for status in ops::consumers(&**service.stores.work()).await.expect("readable") {
                all.push(format!("{}: {:?}", status.name, status.trouble));
            }
        }
        all.join("; ")
    }
}
