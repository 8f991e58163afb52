//! What happens to a world while the storm lasts.

use std::time::Duration;

use annals_consumers::EngineOptions;
use annals_consumers::ops::{self, Ask};
use annals_core::store::{Append, EventStore};
use annals_core::{ExpectedVersion, NewEvent, StreamId};
use uuid::Uuid;

use crate::cover::Happened;
use crate::domain::Fact;
use crate::member::{LEASE, Member};
use crate::model::Phase;
use crate::people::say;
use crate::program::{PLACES, Program};
use crate::world::{World, ms};

/// An event concerns no more flows than this.
const MOST_AT_ONCE: u64 = 20;

impl World {
    /// Something happens.
    ///
    /// # Errors
    /// What was expected and is not so.
    pub(crate) async fn anything(&mut self) -> Result<(), String> {
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

    pub(crate) async fn append(&mut self, stream: String, fact: &Fact) {
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

    pub(crate) async fn lock(&mut self, locks: bool) {
        let place = self.random.below(PLACES);
        let fact = if locks { Fact::Locked } else { Fact::Unlocked };
        self.append(format!("place-{place}"), &fact).await;
    }

    /// A person speaks to one that is stuck, or to any; two people may do so at once.
    pub(crate) async fn steer(&mut self) -> Result<(), String> {
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

    pub(crate) async fn start(&mut self, slot: usize, in_storm: bool) {
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
    pub(crate) fn kill(&mut self, slot: usize) {
        if self.members[slot].take().is_some() {
            self.cover.count(Happened::Killed);
            self.says(format!("m{slot} is killed"));
        }
    }

    pub(crate) async fn stop(&mut self, slot: usize) -> Result<(), String> {
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

    pub(crate) fn jump(&mut self, by: Duration) {
        self.clock.jump(by);
        self.cover.count(Happened::Jumped);
        self.says(format!("the clock jumps by {by:?}"));
    }
}
