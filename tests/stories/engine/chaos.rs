//! Members that are killed, frozen and stopped by chance, while others write, and while consumers are cut
//! anew, rebuilt, taken over by another version, or out of touch with their store, as a story wants it.

use std::time::{Duration, Instant};

use annals::ops::{Ask, ConsumerStatus};
use annals_tests::postgres::Proxy;
use annals_tests::random::Random;
use tokio::sync::watch;

use super::member::Member;
use super::site::{LEASE, Site};

/// For how many seconds members are disturbed in a story, unless `ANNALS_CHAOS_SECONDS` says otherwise.
const LASTS_SECONDS: u64 = 8;

/// What is done to the members.
pub(super) struct Chaos<'c> {
    pub(super) members: u64,
    /// How many times as long as others it lasts.
    pub(super) times: u32,
    /// Into how many partitions the consumers are cut, one after the other.
    pub(super) cuts: &'static [u32],
    /// Whether a consumer is rebuilt again and again.
    pub(super) rebuilds: bool,
    /// Whether some members are of the second version of the program from some time on; all of the first
    /// are gone in the end.
    pub(super) versions: bool,
    /// What is between the members and their store, to be broken.
    pub(super) network: Option<&'c Proxy>,
}

/// What all members run.
pub(super) const CONSUMERS: [&str; 3] = ["totals", "counting", "noting"];

/// How many accounts are written to.
const ACCOUNTS: u64 = 40;

/// How long the members may take in the end for what is left.
const CALM: Duration = Duration::from_secs(30);

impl Default for Chaos<'_> {
    fn default() -> Self {
        Self { members: 3, times: 1, cuts: &[], rebuilds: false, versions: false, network: None }
    }
}

struct Actor {
    label: String,
    member: Member,
    frozen_until: Option<Instant>,
}

impl Chaos<'_> {
    /// Does it, and waits until everything that was written has had its effects.
    pub(super) async fn run(&self, site: &Site) {
        let lasts = self.lasts();
        let told = tokio::time::timeout(lasts + 3 * CALM, self.play(site, lasts)).await;
        told.expect("it comes to an end");
    }

    fn lasts(&self) -> Duration {
        let seconds = std::env::var("ANNALS_CHAOS_SECONDS").ok();
        let seconds = seconds.map(|seconds| seconds.parse().expect("a number of seconds"));
        Duration::from_secs(seconds.unwrap_or(LASTS_SECONDS)) * self.times
    }

    async fn play(&self, site: &Site, lasts: Duration) {
        let seed = uuid::Uuid::now_v7().as_u128() as u64;
        println!("seed {seed}");
        let mut random = Random::new(seed);
        let mut actors = Vec::new();
        for number in 0..self.members {
            let label = format!("member-{number}");
            let member = member(site, &label, 1).await;
            actors.push(Actor { label, member, frozen_until: None });
        }
        let (over, is_over) = watch::channel(false);
        let disturbing = async {
            let done = self.disturb(site, &mut actors, &mut random, Instant::now() + lasts).await;
            over.send_replace(true);
            done
        };
        let seeded = |number: u64| Random::new(seed ^ (number << 32));
        let (done, cut, rebuilt, breaks, first, second) = tokio::join!(
            disturbing,
            self.cut(site, lasts),
            self.rebuild(site, is_over.clone()),
            self.break_network(seeded(3), is_over.clone()),
            write(site, seeded(1), is_over.clone()),
            write(site, seeded(2), is_over.clone()),
        );
        println!("{done:?}; cut in {cut:?}; {rebuilt} rebuilds; {breaks:?}");
        println!("{} appends", first + second);

        let calm = Instant::now();
        if self.versions {
            self.bring_all_up_to_date(site, &mut actors).await;
        }
        for consumer in CONSUMERS {
            if let Some(parts) = self.cuts.last() {
                let is_cut = |status: &ConsumerStatus| status.partitions.len() == *parts as usize;
                site.until(consumer, "cut", CALM, is_cut).await;
            }
            site.done(consumer, CALM).await;
        }
        println!("everything is done after {:?}", calm.elapsed());
        for actor in actors {
            actor.member.stop().await;
        }
    }

    async fn disturb(
        &self,
        site: &Site,
        actors: &mut [Actor],
        random: &mut Random,
        end: Instant,
    ) -> Done {
        let mut done = Done::default();
        while Instant::now() < end {
            tokio::time::sleep(Duration::from_millis(100 + random.below(600))).await;
            let number = usize::try_from(random.below(self.members)).expect("few members");
            let version = if self.versions { 1 + random.below(2) } else { 1 };
            let actor = &mut actors[number];
            let is_frozen = actor.frozen_until.is_some_and(|until| until > Instant::now());
            match (random.below(4), is_frozen) {
                (0 | 1, _) => {
                    actor.member.kill().await;
                    actor.member = member(site, &actor.label, version).await;
                    actor.frozen_until = None;
                    done.killed += 1;
                }
                (2, false) => {
                    let time = LEASE.mul_f64(1.2) + Duration::from_millis(random.below(1_000));
                    actor.member.freeze_for(time);
                    actor.frozen_until = Some(Instant::now() + time);
                    done.frozen += 1;
                }
                (3, false) => {
                    let afresh = member(site, &actor.label, version).await;
                    std::mem::replace(&mut actor.member, afresh).stop().await;
                    done.stopped += 1;
                }
                _ => {}
            }
        }
        done
    }

    /// Cuts all consumers anew, as often as is wanted; returns how long each time took.
    async fn cut(&self, site: &Site, lasts: Duration) -> Vec<Duration> {
        let pause = lasts / (u32::try_from(self.cuts.len()).expect("few cuts") + 1);
        let mut took = Vec::new();
        for parts in self.cuts {
            tokio::time::sleep(pause).await;
            let begun = Instant::now();
            let mut asked = Vec::new();
            for consumer in CONSUMERS {
                asked.push(site.ask(consumer, &Ask::Repartition(*parts)).await);
            }
            for id in asked {
                let (carried_out, answer) = site.answer(id, CALM).await;
                assert!(carried_out, "{answer}");
            }
            took.push(begun.elapsed());
        }
        took
    }

    /// Rebuilds, one consumer after the other; returns how often.
    async fn rebuild(&self, site: &Site, over: watch::Receiver<bool>) -> usize {
        let mut times = 0;
        for consumer in ["totals", "counting"].into_iter().cycle() {
            if !self.rebuilds || *over.borrow() {
                break;
            }
            let rebuild = Ask::Other("rebuild".to_owned(), "{}".to_owned());
            let id = site.ask(consumer, &rebuild).await;
            let (carried_out, answer) = site.answer(id, CALM).await;
            // A newer version takes no notice of what an older one was building.
            assert!(carried_out || self.versions, "a rebuild of `{consumer}`: {answer}");
            times += usize::from(carried_out);
        }
        times
    }

    /// Breaks the network in one way after another, and mends it in the end.
    async fn break_network(&self, mut random: Random, over: watch::Receiver<bool>) -> Breaks {
        let mut breaks = Breaks::default();
        let Some(network) = self.network else { return breaks };
        while !*over.borrow() {
            tokio::time::sleep(Duration::from_millis(300 + random.below(700))).await;
            match random.below(3) {
                0 => {
                    network.cut();
                    breaks.cut += 1;
                }
                1 => {
                    network.forsake();
                    breaks.half_open += 1;
                }
                _ => {
                    network.freeze();
                    tokio::time::sleep(Duration::from_millis(random.below(2_500))).await;
                    network.thaw();
                    breaks.silent += 1;
                }
            }
        }
        breaks
    }

    async fn bring_all_up_to_date(&self, site: &Site, actors: &mut [Actor]) {
        for actor in actors.iter_mut() {
            let afresh = member(site, &actor.label, 2).await;
            std::mem::replace(&mut actor.member, afresh).stop().await;
        }
        let switched = |status: &ConsumerStatus| {
            let mut parts = status.partitions.iter();
            parts.any(|part| part.generation == status.generation && part.version == 2)
        };
        site.until("totals", "of the second version", CALM, switched).await;
    }
}

/// One whose handlers fail for two of a hundred events, once. Whoever finds the network broken when it starts
/// is started again.
async fn member(site: &Site, label: &str, version: u64) -> Member {
    let lease = format!("lease={}", LEASE.as_millis());
    let version = format!("version={version}");
    loop {
        let mut member = Member::begin(site, label, &[&lease, "failing=2", &version]);
        match member.says().await.as_deref() {
            Some("started") => return member,
            None => {}
            Some(other) => panic!("{label} says {other}"),
        }
    }
}

/// What was done to the members.
#[derive(Debug, Default)]
#[allow(dead_code, reason = "it is printed")]
struct Done {
    killed: usize,
    frozen: usize,
    stopped: usize,
}

/// What was done to the network.
#[derive(Debug, Default)]
#[allow(dead_code, reason = "it is printed")]
struct Breaks {
    cut: usize,
    half_open: usize,
    silent: usize,
}

/// Deposits until it is over; returns how often.
async fn write(site: &Site, mut random: Random, over: watch::Receiver<bool>) -> usize {
    let mut times = 0;
    while !*over.borrow() {
        let cents = i64::try_from(random.below(1_000)).expect("a small number");
        site.deposit(random.below(ACCOUNTS), cents).await;
        times += 1;
        tokio::time::sleep(Duration::from_millis(random.below(15))).await;
    }
    times
}
