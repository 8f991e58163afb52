//! What happens in a world: a storm, and then calm weather in which everything must come right.

use std::sync::Arc;
use std::time::Duration;

use annals_consumers::ops::{self, Ask};
use annals_consumers::{ConsumerRecord, Engine, EngineOptions, KeyBy, declare, partition};
use annals_core::Position;
use annals_core::store::{Stores, TransactExt};
use jiff::Timestamp;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::cover::Happened;
use crate::handlers::consumers;
use crate::line::Line;
use crate::link::Contact;
use crate::trace::Who;
use crate::truth::Broken;
use crate::world::{LEASE, WRONG_BY, World};

/// How long a stop waits for what is under way.
const STOP_WITHIN: Duration = Duration::from_secs(2);

/// How soon everything must be caught up when nothing fails any more; later by as much as a clock may have
/// been put back.
const CALM: Duration = Duration::from_secs(60);

/// A process that comes and goes.
struct Slot {
    member: u8,
    starts: u8,
    running: Option<(Arc<Line>, Arc<Engine>)>,
}

pub(crate) struct Story {
    world: Arc<World>,
    operator: Arc<Line>,
    slots: Vec<Slot>,
    /// Of all members that ever were.
    lines: Vec<Arc<Line>>,
    /// Stops that are under way.
    stops: JoinSet<()>,
    streams: u64,
    options: EngineOptions,
}

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

impl Story {
    pub(crate) fn new(world: Arc<World>) -> Self {
        let operator = Arc::new(Line::new(world.clone(), Who::Operator));
        let slot = |member| Slot { member, starts: 0, running: None };
        let members = world.roll(|random| *random.pick(&[1, 2, 2, 3, 3, 4]));
        let options = world.roll(|random| EngineOptions {
            label: "simulated".to_owned(),
            lease: LEASE,
            page_events: *random.pick(&[1, 3, 10, 50]),
            batch_events: random.between(1, 100),
            batch_rows: random.between(1, 50) as usize,
            retry_after: ms(50),
            retry_at_most: ms(1_000),
            retry_in_place: ms(*random.pick(&[0, 200, 1_000])),
            parked_after: ms(500),
            parked_at_most: ms(4_000),
            most_parked: *random.pick(&[1, 100, 100]),
            window: random.between(1, 16) as usize,
            stalled_after: ms(5_000),
            stop_within: STOP_WITHIN,
            own_thread: false,
            // Whether a crash is noticed at once is the system's part, and no seed's.
            lock_directory: None,
            ..EngineOptions::default()
        });
        Self {
            slots: (0..members).map(slot).collect(),
            operator,
            lines: Vec::new(),
            stops: JoinSet::new(),
            streams: world.roll(|random| random.between(2, 20)),
            options,
            world,
        }
    }

    /// Tells it to its end.
    pub(crate) async fn run(mut self) -> Result<(), Broken> {
        self.declare().await;
        for slot in 0..self.slots.len() {
            self.start(slot);
        }
        let storm = self.world.roll(|random| ms(random.between(5_000, 25_000)));
        let ends_at = Instant::now() + storm;
        while Instant::now() < ends_at {
            let pause = self.world.roll(|random| ms(random.below(800)));
            tokio::time::sleep(pause).await;
            self.anything().await;
            self.check()?;
        }
        self.calm().await
    }

    fn check(&self) -> Result<(), Broken> {
        self.world.broken().map_or(Ok(()), Err)
    }

    fn says(&self, what: String) {
        self.world.step(Who::Operator, what);
    }

    async fn declare(&self) {
        for spec in self.world.specs.clone() {
            let declared = self.operator.transact_with(move |transaction| {
                let spec = spec.clone();
                Box::pin(async move {
                    let record = ConsumerRecord {
                        name: spec.name.to_owned(),
                        kind: "handler".to_owned(),
                        version: 1,
                        generation: 1,
                        partitions: spec.parts,
                        on_failure: spec.on_failure.as_str().to_owned(),
                        paused: false,
                        paused_by: None,
                        origin: None,
                        changed_at: Timestamp::UNIX_EPOCH,
                    };
                    declare(transaction, record).await?;
                    let start = Position::START;
                    partition(transaction, (spec.name, 1, 1), 1, spec.parts, start).await
                })
            });
            declared.await.expect("the memory has room");
        }
    }

    fn start(&mut self, slot: usize) {
        let slot = &mut self.slots[slot];
        if slot.running.is_some() {
            return;
        }
        slot.starts += 1;
        let who = Who::Member(slot.member, slot.starts);
        let line = Arc::new(Line::new(self.world.clone(), who));
        let seed = self.world.roll(|random| random.next());
        let options = EngineOptions { seed: Some(seed), ..self.options.clone() };
        let engine = Engine::start(Stores::from(line.clone()), consumers(&line), options);
        self.world.happened(Happened::Started);
        self.world.step(who, "starts".to_owned());
        self.lines.push(line.clone());
        slot.running = Some((line, Arc::new(engine)));
    }

    async fn append(&self) {
        let (streams, many) = (self.streams, self.world.roll(|random| random.between(1, 5)));
        for _ in 0..many {
            let (category, n) = self.world.roll(|random| {
                (*random.pick(&["order", "order", "payment"]), random.below(streams))
            });
            let lines = self.slots.iter().filter_map(|slot| slot.running.as_ref());
            self.world.append(&format!("{category}-{n}"), lines.map(|(line, _)| line)).await;
        }
    }

    /// One of the many things that happen.
    async fn anything(&mut self) {
        let slot = self.world.roll(|random| random.below(self.slots.len() as u64)) as usize;
        match self.world.roll(|random| random.below(100)) {
            0..50 => self.append().await,
            50..55 => self.freeze(slot),
            55..60 => self.lose_contact(slot),
            60..63 => self.kill(slot),
            63..65 => self.drop_engine(slot),
            65..69 => self.stop(slot),
            69..78 => self.start(slot),
            78..80 => self.restart_store(),
            80..90 => self.trouble(),
            90..91 => {
                self.says("the handlers work again".to_owned());
                self.world.end_troubles();
            }
            91..92 => self.world.set_clock(),
            92..93 => self
                .slots
                .iter()
                .filter_map(|slot| slot.running.as_ref())
                .for_each(|(_, engine)| engine.look()),
            _ => self.ask_anything().await,
        }
    }

    fn freeze(&mut self, slot: usize) {
        let Some((line, _)) = &self.slots[slot].running else { return };
        let time = self.world.roll(|random| ms(*random.pick(&[200, 1_000, 3_500, 8_000])));
        self.world.happened(Happened::Frozen);
        if time > LEASE {
            self.world.happened(Happened::FrozenLong);
        }
        self.world.step(line.who, format!("freezes for {time:?}"));
        line.link.freeze();
        let line = line.clone();
        tokio::spawn(async move {
            tokio::time::sleep(time).await;
            line.world.step(line.who, "thaws".to_owned());
            line.link.thaw();
        });
    }

    fn lose_contact(&mut self, slot: usize) {
        let Some((line, _)) = &self.slots[slot].running else { return };
        let time = self.world.roll(|random| ms(random.between(200, 3 * LEASE.as_millis() as u64)));
        let (contact, happened) = self.world.roll(|random| {
            *random
                .pick(&[(Contact::Refused, Happened::Refused), (Contact::Silent, Happened::Silent)])
        });
        self.world.happened(happened);
        self.world.step(line.who, format!("has no contact for {time:?}: {contact:?}"));
        line.link.set_contact(contact);
        let line = line.clone();
        tokio::spawn(async move {
            tokio::time::sleep(time).await;
            line.world.step(line.who, "has contact".to_owned());
            line.link.set_contact(Contact::Good);
        });
    }

    fn kill(&mut self, slot: usize) {
        let Some((line, engine)) = self.slots[slot].running.take() else { return };
        self.world.happened(Happened::Killed);
        self.world.step(line.who, "is killed".to_owned());
        line.link.kill();
        drop(engine);
    }

    fn drop_engine(&mut self, slot: usize) {
        let Some((line, engine)) = self.slots[slot].running.take() else { return };
        self.world.happened(Happened::Dropped);
        self.world.step(line.who, "is dropped".to_owned());
        drop(engine);
    }

    /// A stop returns in time, whatever the store does. Only a process that makes no steps stays.
    fn stop(&mut self, slot: usize) {
        let Some((line, _)) = &self.slots[slot].running else { return };
        if !line.link.is_running() {
            return;
        }
        let Some((line, engine)) = self.slots[slot].running.take() else { return };
        self.world.happened(Happened::Stopped);
        self.world.step(line.who, "is told to stop".to_owned());
        let world = self.world.clone();
        self.stops.spawn(async move {
            // What is told to leave may still be told about for a moment.
            let in_time = STOP_WITHIN + Duration::from_secs(1);
            let stopped = tokio::time::timeout(in_time, engine.stop()).await;
            // It may have been frozen before it was told.
            if line.link.thawed_within(in_time) {
                return;
            }
            match stopped {
                Ok(broken_off) => {
                    if !broken_off.is_empty() {
                        world.happened(Happened::StopBrokenOff);
                    }
                    world.step(line.who, format!("has stopped; broken off: {broken_off:?}"));
                }
                Err(_) => world.keep(Err(Broken(format!("{} does not stop in time", line.who)))),
            }
        });
    }

    fn restart_store(&mut self) {
        let time = self.world.roll(|random| ms(random.between(10, 5_000)));
        self.world.happened(Happened::StoreDown);
        self.says(format!("the store is down for {time:?}"));
        self.world.store_goes_down();
        let world = self.world.clone();
        tokio::spawn(async move {
            tokio::time::sleep(time).await;
            world.step(Who::Operator, "the store is back".to_owned());
            world.store_comes_back();
        });
    }

    fn trouble(&mut self) {
        let streams = self.streams;
        let (consumer, category, n) = self.world.roll(|random| {
            let consumer = random.below(self.world.specs.len() as u64) as usize;
            (consumer, *random.pick(&["order", "payment"]), random.below(streams))
        });
        let key = match self.world.specs[consumer].key {
            KeyBy::Stream => format!("{category}-{n}"),
            KeyBy::Id => n.to_string(),
        };
        let trouble = self.world.begin_trouble(consumer, key.clone());
        let name = self.world.specs[consumer].name;
        self.says(format!("{trouble:?} is in store for {name} at {key}"));
    }

    async fn ask_anything(&self) {
        let consumer =
            self.world.roll(|random| random.below(self.world.specs.len() as u64)) as usize;
        let parked = self.world.truth().parked(consumer);
        let ask = self.world.roll(|random| match random.below(12) {
            0 => Ask::Pause,
            1..3 => Ask::Resume,
            3..5 => Ask::Retry(parked),
            5..7 => Ask::Discard(parked.into_iter().filter(|_| random.chance(500)).collect()),
            7..11 => Ask::Repartition(*random.pick(&[1, 2, 4, 8, 9])),
            _ => Ask::Other(random.pick(&["sleep", "panic"]).to_string(), "{}".to_owned()),
        });
        self.ask(consumer, ask).await;
    }

    async fn ask(&self, consumer: usize, ask: Ask) {
        let name = self.world.specs[consumer].name;
        self.says(format!("asks {name} to {ask:?}"));
        let id = self.world.next_request();
        let who = ("ann", "because");
        ops::ask_once(&*self.operator, id, name, &ask, who)
            .await
            .expect("the operator's line is good");
    }

    /// Nothing fails any more: everything must be caught up soon, shared evenly, and stop in order.
    async fn calm(mut self) -> Result<(), Broken> {
        self.says("everything works again".to_owned());
        self.world.clears_up();
        for line in &self.lines {
            line.link.thaw();
            line.link.set_contact(Contact::Good);
        }
        for slot in 0..self.slots.len() {
            if slot == 0 || self.world.roll(|random| random.chance(700)) {
                self.start(slot);
            }
        }
        for consumer in 0..self.world.specs.len() {
            self.ask(consumer, Ask::Resume).await;
        }
        let calm = CALM + self.clock_is_wrong_by();
        let deadline = Instant::now() + calm;
        let mut retry_at = Instant::now();
        loop {
            self.check()?;
            let unfinished = self.world.truth().unfinished();
            let Some(unfinished) = unfinished else { break };
            if Instant::now() > deadline {
                return Err(Broken(format!("it is not caught up after {calm:?}: {unfinished}")));
            }
            if Instant::now() >= retry_at {
                retry_at = Instant::now() + Duration::from_secs(5);
                for consumer in 0..self.world.specs.len() {
                    let parked = self.world.truth().parked_for_good(consumer);
                    if !parked.is_empty() {
                        self.ask(consumer, Ask::Retry(parked)).await;
                    }
                }
            }
            tokio::time::sleep(ms(200)).await;
        }
        self.world.truth().complete()?;
        self.evenly().await?;
        for slot in 0..self.slots.len() {
            self.stop(slot);
        }
        while self.stops.join_next().await.is_some() {}
        self.check()
    }

    /// For how much longer the dead may count as alive.
    fn clock_is_wrong_by(&self) -> Duration {
        match self.world.clock_set_within(Duration::MAX) {
            true => 2 * WRONG_BY,
            false => Duration::ZERO,
        }
    }

    /// Shares come to differ by at most one.
    async fn evenly(&self) -> Result<(), Broken> {
        let running = self.slots.iter().filter_map(|slot| slot.running.as_ref());
        let living: Vec<_> = running.map(|(_, engine)| engine.member()).collect();
        let deadline = Instant::now() + 5 * LEASE + self.clock_is_wrong_by();
        loop {
            let shares = self.world.truth().shares(&living);
            let even = shares.iter().enumerate().all(|(consumer, shares)| {
                let all = self.world.truth().living_parts(consumer);
                let (least, most) = (shares.iter().min(), shares.iter().max());
                shares.iter().sum::<usize>() == all
                    && least.zip(most).is_some_and(|(least, most)| most - least <= 1)
            });
            if even {
                return Ok(());
            }
            if Instant::now() > deadline {
                return Err(Broken(format!("the shares are not even: {shares:?}")));
            }
            tokio::time::sleep(ms(200)).await;
            self.check()?;
        }
    }
}
