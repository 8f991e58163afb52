//! Members that are killed, frozen and stopped by chance, while others write and cut consumers anew.

use std::time::{Duration, Instant};

use annals::ops::{Ask, ConsumerStatus};
use annals_tests::random::Random;
use tokio::sync::watch;

use super::member::Member;
use super::site::{LEASE, Site};

/// What is done to the members, and for how long.
pub(super) struct Chaos {
    pub(super) members: u64,
    pub(super) lasts: Duration,
    /// Into how many partitions the consumers are cut, one after the other.
    pub(super) cuts: &'static [u32],
    pub(super) consumers: &'static [&'static str],
}

/// How many accounts are written to.
const ACCOUNTS: u64 = 40;

/// How long the members may take in the end for what is left.
const CALM: Duration = Duration::from_secs(30);

struct Actor {
    label: String,
    member: Member,
    frozen_until: Option<Instant>,
}

impl Chaos {
    /// Does it, and waits until everything that was written has had its effects.
    pub(super) async fn run(&self, site: &Site, seed: u64) {
        let mut random = Random::new(seed);
        let mut actors = Vec::new();
        for number in 0..self.members {
            let label = format!("member-{number}");
            let member = Self::member(site, &label).await;
            actors.push(Actor { label, member, frozen_until: None });
        }
        let (over, is_over) = watch::channel(false);
        let end = Instant::now() + self.lasts;
        let disturbing = async {
            let done = self.disturb(site, &mut actors, &mut random, end).await;
            over.send_replace(true);
            done
        };
        let writer = |number: u64| write(site, Random::new(seed ^ (number << 32)), is_over.clone());
        let (done, cut, first, second) =
            tokio::join!(disturbing, self.cut(site), writer(1), writer(2));
        println!(
            "{} killed, {} frozen, {} stopped; cut in {cut:?}; {} appends",
            done.killed,
            done.frozen,
            done.stopped,
            first + second
        );

        let calm = Instant::now();
        for consumer in self.consumers {
            let parts = self.cuts.last().map_or(4, |parts| *parts as usize);
            let is_cut = |status: &ConsumerStatus| status.partitions.len() == parts;
            site.until(consumer, "cut", CALM, is_cut).await;
            site.done(consumer, CALM).await;
        }
        println!("everything is done after {:?}", calm.elapsed());
        for actor in actors {
            actor.member.stop().await;
        }
    }

    async fn member(site: &Site, label: &str) -> Member {
        let lease = format!("lease={}", LEASE.as_millis());
        Member::start(site, label, &[&lease, "failing=2"]).await
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
            let actor = &mut actors[number];
            let is_frozen = actor.frozen_until.is_some_and(|until| until > Instant::now());
            match (random.below(4), is_frozen) {
                (0 | 1, _) => {
                    actor.member.kill().await;
                    actor.member = Self::member(site, &actor.label).await;
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
                    let afresh = Self::member(site, &actor.label).await;
                    std::mem::replace(&mut actor.member, afresh).stop().await;
                    done.stopped += 1;
                }
                _ => {}
            }
        }
        done
    }

    /// Cuts all consumers anew, as often as is wanted; returns how long each time took.
    async fn cut(&self, site: &Site) -> Vec<Duration> {
        let pause = self.lasts / (u32::try_from(self.cuts.len()).expect("few cuts") + 1);
        let mut took = Vec::new();
        for parts in self.cuts {
            tokio::time::sleep(pause).await;
            let begun = Instant::now();
            let mut asked = Vec::new();
            for consumer in self.consumers {
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
}

#[derive(Default)]
struct Done {
    killed: usize,
    frozen: usize,
    stopped: usize,
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
