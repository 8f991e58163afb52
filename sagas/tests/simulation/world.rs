//! A world by seed: a storm, and then calm weather in which every flow must end.

use std::sync::Arc;
use std::time::Duration;

use annals_consumers::EngineOptions;
use annals_consumers::ops::{self, Ask};
use annals_core::store::{Append, EventStore};
use annals_core::{ExpectedVersion, Journal, MemoryStore, NewEvent, StreamId};
use annals_sagas::{Saga, definitions};
use tokio::time::Instant;
use uuid::Uuid;

use crate::clock::Paused;
use crate::cover::{Cover, Happened};
use crate::domain::Fact;
use crate::flows::Flows;
use crate::member::{Home, LEASE, Member};
use crate::model::{Model, Phase};
use crate::people::say;
use crate::program::{PLACES, Program};
use crate::random::Random;
use crate::snapshot::agrees;

/// How soon every flow must have ended when nothing fails any more.
const CALM: Duration = Duration::from_secs(1_200);

/// For how long nothing may be written before the clock jumps over what is waited for.
const QUIET: Duration = Duration::from_secs(4);

/// An event concerns no more flows than this.
const MOST_AT_ONCE: u64 = 20;

pub(crate) struct World {
    random: Random,
    home: Home,
    clock: Arc<Paused>,
    operator: Journal,
    members: Vec<Option<Member>>,
    options: EngineOptions,
    pub(crate) model: Model,
    pub(crate) cover: Cover,
    /// What was done to it.
    pub(crate) lines: Vec<String>,
    began: Instant,
    /// In a thousand: how often something is about to happen to a call, whenever anything happens.
    faults: u64,
    paces: &'static [u64],
    /// The flows that were named so far.
    flows: u64,
    keys: u64,
    requests: u64,
}

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

impl World {
    pub(crate) async fn new(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let clock = Arc::new(Paused::new());
        let log = MemoryStore::with_clock(clock.clone());
        let are_together = random.chance(667);
        let work = match are_together {
            true => log.clone(),
            false => MemoryStore::with_clock(clock.clone()),
        };
        let home = Home { log, work, are_together, clock: clock.clone() };
        let operator = home.journal(home.stores());
        operator.register::<Fact>().await.expect("the memory has room");
        for definition in definitions::<Flows>(&operator) {
            definition.register(&operator).await.expect("the memory has room");
            definition.declare(&home.stores()).await.expect("the memory has room");
        }
        let options = EngineOptions {
            label: "simulated".to_owned(),
            lease: LEASE,
            page_events: *random.pick(&[1, 3, 20, 200]),
            batch_events: random.between(1, 100),
            batch_rows: random.between(1, 50) as usize,
            retry_after: ms(50),
            retry_at_most: ms(1_000),
            retry_in_place: ms(*random.pick(&[0, 300])),
            parked_after: ms(500),
            parked_at_most: ms(8_000),
            window: random.between(1, 16) as usize,
            stop_within: ms(2_000),
            own_thread: false,
            lock_directory: None,
            ..EngineOptions::default()
        };
        let mut cover = Cover::default();
        cover.count(if are_together { Happened::Together } else { Happened::Apart });
        Self {
            home,
            clock,
            operator,
            members: (0..*random.pick(&[1, 2, 2, 3])).map(|_| None).collect(),
            options,
            model: Model::default(),
            cover,
            lines: Vec::new(),
            began: Instant::now(),
            faults: *random.pick(&[0, 100, 400, 800]),
            paces: *random.pick(&[&[0][..], &[0, 5], &[1, 20], &[3, 40]]),
            flows: 0,
            keys: 0,
            requests: 0,
            random,
        }
    }

    /// # Errors
    /// What was expected and is not so.
    pub(crate) async fn run(&mut self) -> Result<(), String> {
        for slot in 0..self.members.len() {
            self.start(slot, false).await;
        }
        let storm = ms(self.random.between(3_000, 15_000));
        while self.began.elapsed() < storm {
            tokio::time::sleep(ms(self.random.below(400))).await;
            self.anything().await?;
            self.model.follow(&self.home.log).await?;
            self.look(false).await?;
        }
        self.calms_down().await?;
        let ended = self.ends().await;
        self.cover.add(&self.model.cover);
        ended
    }

    fn says(&mut self, what: String) {
        let at = self.began.elapsed();
        let head = self.model.position;
        self.lines.push(format!(
            "{:>6}.{:03} s {head:>5}  {what}",
            at.as_secs(),
            at.subsec_millis()
        ));
    }

    async fn anything(&mut self) -> Result<(), String> {
        let slot = self.random.below(self.members.len() as u64) as usize;
        while self.random.chance(self.faults) {
            if let Some(member) = &mut self.members[slot] {
                member.fault(&mut self.random, &mut self.cover);
            }
        }
        match self.random.below(100) {
            0..25 => self.begin().await,
            25..42 => self.happen().await,
            42..45 => self.lock(true).await,
            45..52 => self.lock(false).await,
            52..62 => self.steer().await?,
            62..74 => self.start(slot, true).await,
            74..81 => self.kill(slot),
            81..83 => self.stop(slot).await?,
            83..89 => self.freeze(slot),
            89..91 => self.cut().await,
            91..94 => {
                let most = *self.random.pick(&[2_000, 2_000, 30_000, 90_000, 8_000_000]);
                let by = ms(self.random.between(most / 2, most));
                self.jump(by);
            }
            _ => self.look(true).await?,
        }
        Ok(())
    }

    /// Names of flows: new ones, or ones that were named before.
    fn some_flows(&mut self, new_per_mille: u64) -> Vec<u64> {
        let many = self.random.chance(120);
        let count = if many { self.random.between(2, MOST_AT_ONCE) } else { 1 };
        let mut flows = Vec::new();
        for _ in 0..count {
            let is_new = self.flows == 0 || self.random.chance(new_per_mille);
            self.flows += u64::from(is_new);
            let flow = if is_new { self.flows } else { self.random.between(1, self.flows) };
            if !flows.contains(&flow) {
                flows.push(flow);
            }
        }
        flows
    }

    async fn append(&mut self, stream: String, fact: &Fact) {
        self.says(format!("{stream}: {fact:?}"));
        let stream = StreamId::parse(stream).expect("a number is a name");
        let event = NewEvent::of(fact).expect("a fact is JSON");
        let append = Append::to(stream, ExpectedVersion::Any, vec![event]);
        self.home.log.append(append).await.expect("the memory has room");
    }

    async fn begin(&mut self) {
        let flows = self.some_flows(900);
        let program = Program::of(&mut self.random, &flows, &mut self.keys);
        let again = self.random.chance(300);
        let stream = format!("flow-{}", flows[0]);
        let fact = Fact::Begun { flows, again, program };
        self.append(stream.clone(), &fact).await;
        if self.random.chance(100) {
            self.append(stream, &fact).await;
        }
    }

    async fn happen(&mut self) {
        let flows = self.some_flows(40);
        let stream = format!("elsewhere-{}", self.random.below(3));
        self.append(stream, &Fact::Happened { flows }).await;
    }

    async fn lock(&mut self, locks: bool) {
        let place = self.random.below(PLACES);
        let fact = if locks { Fact::Locked } else { Fact::Unlocked };
        self.append(format!("place-{place}"), &fact).await;
    }

    /// A person speaks to one that is stuck, or to any; two people may do so at once.
    async fn steer(&mut self) -> Result<(), String> {
        let open = self.model.flows.values().filter(|told| told.phase.is_open());
        let mut open: Vec<_> = open.map(|told| (told.name.clone(), told.phase)).collect();
        let stuck = |(_, phase): &(String, Phase)| matches!(phase, Phase::Stuck(_));
        if open.iter().any(stuck) && self.random.chance(800) {
            open.retain(stuck);
        }
        if open.is_empty() {
            return Ok(());
        }
        let (flow, phase) = self.random.pick(&open).clone();
        for _ in 0..self.random.between(1, 2) {
            let said = say(&self.operator, (&flow, phase), &mut self.random).await?;
            said.into_iter().for_each(|words| self.says(words));
        }
        Ok(())
    }

    async fn start(&mut self, slot: usize, in_storm: bool) {
        if self.members[slot].is_some() {
            return;
        }
        let options = EngineOptions { seed: Some(self.random.next()), ..self.options.clone() };
        let pace = ms(*self.random.pick(self.paces));
        let pace = if in_storm { pace } else { Duration::ZERO };
        let member = Member::start(&self.home, options, pace).await;
        if in_storm && self.random.chance(200) {
            member.hears_again(3);
        }
        self.members[slot] = Some(member);
        self.cover.count(Happened::Started);
        self.says(format!("m{slot} starts; its calls take {pace:?}"));
    }

    /// At whatever it waits for.
    fn kill(&mut self, slot: usize) {
        if self.members[slot].take().is_some() {
            self.cover.count(Happened::Killed);
            self.says(format!("m{slot} is killed"));
        }
    }

    async fn stop(&mut self, slot: usize) -> Result<(), String> {
        let Some(member) = self.members[slot].take() else { return Ok(()) };
        self.says(format!("m{slot} stops"));
        self.cover.count(Happened::Stopped);
        // It may be frozen.
        let stopped = tokio::time::timeout(ms(30_000), member.engine.stop()).await;
        stopped.map(drop).map_err(|_| format!("m{slot} does not stop"))
    }

    fn freeze(&mut self, slot: usize) {
        let Some(member) = &self.members[slot] else { return };
        let time = ms(*self.random.pick(&[200, 900, 1_500, 4_000, 4_000]));
        member.freeze(time);
        self.cover.count(Happened::Frozen);
        self.cover.count_all(Happened::FrozenLong, u64::from(time > LEASE));
        self.says(format!("m{slot} freezes for {time:?}"));
    }

    async fn cut(&mut self) {
        let consumer = *self.random.pick(&["sim", "sim", "sim-dispatcher"]);
        let ask = Ask::Repartition(self.random.between(1, 4) as u32);
        self.requests += 1;
        let id = Uuid::from_u64_pair(self.requests, 0);
        let asked = ops::ask_once(&self.home.work, id, consumer, &ask, ("ada", "because")).await;
        asked.expect("the memory has room");
        self.cover.count(Happened::Cut);
        self.says(format!("{consumer} is asked to {ask:?}"));
    }

    fn jump(&mut self, by: Duration) {
        self.clock.jump(by);
        self.cover.count(Happened::Jumped);
        self.says(format!("the clock jumps by {by:?}"));
    }

    /// Compares everything, where log and workspace cannot differ.
    async fn look(&mut self, people: bool) -> Result<(), String> {
        if self.home.are_together && agrees(&self.home, &mut self.model, people).await? {
            self.cover.count(Happened::Looked);
        }
        Ok(())
    }

    /// Nothing fails any more: whoever worked is gone, others work, and time passes until every flow has ended.
    async fn calms_down(&mut self) -> Result<(), String> {
        self.says("everything works again".to_owned());
        for slot in 0..self.members.len() {
            self.kill(slot);
        }
        for place in 0..PLACES {
            self.append(format!("place-{place}"), &Fact::Unlocked).await;
        }
        for slot in 0..self.members.len() {
            self.start(slot, false).await;
        }
        let ends_at = Instant::now() + CALM;
        let mut moved = (self.model.position, Instant::now());
        loop {
            self.model.follow(&self.home.log).await?;
            if moved.0 != self.model.position {
                moved = (self.model.position, Instant::now());
            }
            if self.model.is_over() {
                return Ok(());
            }
            if Instant::now() > ends_at {
                let open = self.model.flows.values().filter(|told| told.phase.is_open());
                let open: Vec<_> = open.collect();
                let missing = self.model.begun();
                let missing: Vec<_> = missing
                    .into_iter()
                    .filter(|flow| !self.model.flows.contains_key(*flow))
                    .collect();
                let consumers = ops::consumers(&self.home.work).await;
                let consumers: Vec<_> = consumers.into_iter().flatten().collect();
                return Err(format!(
                    "after {CALM:?} these have not ended: {open:#?}, and these have not begun: {missing:?}; \
                     {consumers:#?}"
                ));
            }
            if moved.1.elapsed() > QUIET {
                self.jump(Flows::WITHIN);
                moved.1 = Instant::now();
            }
            let stuck = self.model.flows.values().any(|told| matches!(told.phase, Phase::Stuck(_)));
            if stuck {
                self.steer().await?;
            }
            tokio::time::sleep(ms(300)).await;
            self.look(false).await?;
        }
    }

    /// Nothing comes on top of it, and all is as it should be.
    async fn ends(&mut self) -> Result<(), String> {
        for by in [ms(0), 2 * Flows::WITHIN, ms(4_000_000)] {
            self.jump(by);
            tokio::time::sleep(ms(10_000)).await;
        }
        self.model.follow(&self.home.log).await?;
        let strays = self.model.ends()?;
        if !agrees(&self.home, &mut self.model, true).await? {
            return Err("something is written though all is over".to_owned());
        }
        let dispatcher = ops::parked(&self.home.work, "sim-dispatcher").await;
        let manager = ops::parked(&self.home.work, "sim").await;
        let (dispatcher, manager) =
            dispatcher.and_then(|parked| Ok((parked, manager?))).expect("the memory reads");
        let wrong = manager.iter().find(|parked| !parked.key.ends_with(" (strays)"));
        if let Some(wrong) = dispatcher.first().or(wrong) {
            return Err(format!("it is parked: {wrong:?}"));
        }
        let parked: u64 = manager.iter().map(|parked| parked.events).sum();
        if parked != strays {
            return Err(format!("{parked} events are parked, and {strays} were told to nobody"));
        }
        for slot in 0..self.members.len() {
            self.stop(slot).await?;
        }
        Ok(())
    }
}
