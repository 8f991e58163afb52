//! A world by seed: a storm, and then calm weather in which every flow must end.

use std::sync::Arc;
use std::time::Duration;

use annals_consumers::EngineOptions;
use annals_consumers::ops;
use annals_core::{Journal, MemoryStore};
use annals_sagas::{Saga, definitions};
use tokio::time::Instant;

use crate::clock::Paused;
use crate::cover::{Cover, Happened};
use crate::domain::Fact;
use crate::flows::Flows;
use crate::member::{Home, Ids, LEASE, Member};
use crate::model::{Model, Phase};
use crate::program::PLACES;
use crate::random::Random;
use crate::snapshot::agrees;

/// How soon every flow must have ended when nothing fails any more.
const CALM: Duration = Duration::from_secs(1_200);

/// For how long nothing may be written before the clock jumps over what is waited for.
const QUIET: Duration = Duration::from_secs(4);

pub(crate) struct World {
    pub(crate) random: Random,
    pub(crate) home: Home,
    pub(crate) clock: Arc<Paused>,
    pub(crate) operator: Journal,
    pub(crate) members: Vec<Option<Member>>,
    pub(crate) options: EngineOptions,
    pub(crate) model: Model,
    pub(crate) cover: Cover,
    /// What was done to it.
    pub(crate) lines: Vec<String>,
    began: Instant,
    /// In a thousand: how often something is about to happen to a call, whenever anything happens.
    pub(crate) faults: u64,
    pub(crate) paces: &'static [u64],
    /// The flows that were named so far.
    pub(crate) flows: u64,
    pub(crate) keys: u64,
    pub(crate) requests: u64,
}

pub(crate) fn ms(ms: u64) -> Duration {
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
        let home =
            Home { log, work, are_together, clock: clock.clone(), ids: Arc::new(Ids::new(seed)) };
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

    /// Notes what was done.
    pub(crate) fn says(&mut self, what: String) {
        let at = self.began.elapsed();
        let head = self.model.position;
        self.lines.push(format!(
            "{:>6}.{:03} s {head:>5}  {what}",
            at.as_secs(),
            at.subsec_millis()
        ));
    }

    /// Compares everything, where log and workspace cannot differ.
    pub(crate) async fn look(&mut self, people: bool) -> Result<(), String> {
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
