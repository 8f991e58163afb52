//! The server crashes while eight write. After each restart everything acknowledged is there, nothing
//! is half there, and positions are dense (I1, I2). The writers' store finds the server again by
//! itself, and asks what became of the appends that were under way.

use std::sync::Arc;
use std::time::Duration;

use annals::store::Store;
use annals::{PgCommit, PgStore};
use annals_tests::ledger::{Ledger, whole_log};
use annals_tests::postgres::Server;
use annals_tests::random::Random;
use annals_tests::writer::Writer;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::place::{Place, open};

const ROUNDS: u64 = 10;
const WRITERS: u64 = 8;

/// How long a story may take before something hangs in it.
const PATIENCE: Duration = Duration::from_secs(120);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost() {
    story(PgCommit::UnderLock).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_behind_the_barrier() {
    story(PgCommit::BehindBarrier).await;
}

async fn story(commit: PgCommit) {
    let seed = uuid::Uuid::now_v7().as_u128() as u64;
    println!("seed {seed}");
    let mut random = Random::new(seed);
    let mut server = Server::start().await;
    let place = Place::on(&server);
    let store = open(place.options().commit(commit).connect_retry(PATIENCE)).await;
    let mut ledger = Ledger::default();
    for round in 0..ROUNDS {
        let crowd = Crowd::start(&store, round, seed);
        crowd.wait_for(1 + random.below(150)).await;
        if round % 2 == 0 { server.stop_immediate() } else { server.kill_9() }
        server.start_again().await;
        // Every writer goes on after the crash with the store it has.
        ledger.merge(crowd.finish().await);

        let afresh = place.store().await;
        ledger.check(&whole_log(&*afresh).await);
        afresh.close().await;
    }
    assert!(ledger.acknowledged.len() as u64 > ROUNDS * WRITERS, "the rounds acknowledged something");
    println!(
        "{} acknowledged, {} refused, {} unknown",
        ledger.acknowledged.len(),
        ledger.refused.len(),
        ledger.unknown.len()
    );
}

/// Writers that write until they are told to stop, and then once more.
struct Crowd {
    tasks: JoinSet<Writer>,
    stop: watch::Sender<bool>,
    written: watch::Sender<u64>,
}

impl Crowd {
    fn start(store: &Arc<PgStore>, round: u64, seed: u64) -> Self {
        let mut tasks = JoinSet::new();
        let (stop, stopping) = watch::channel(false);
        let written = watch::Sender::new(0);
        for number in 0..WRITERS {
            let store: Arc<dyn Store> = store.clone();
            let seed = seed ^ (number << 32) ^ (round << 40);
            let mut writer = Writer::new(store, format!("r{round}w{number}"), seed);
            let (stopping, written) = (stopping.clone(), written.clone());
            tasks.spawn(async move {
                let mut last = false;
                while !last {
                    last = *stopping.borrow();
                    if writer.append().await {
                        written.send_modify(|written| *written += 1);
                    }
                }
                writer
            });
        }
        Self { tasks, stop, written }
    }

    /// Waits until they have written so many appends.
    async fn wait_for(&self, appends: u64) {
        let mut written = self.written.subscribe();
        let reached = tokio::time::timeout(PATIENCE, written.wait_for(|n| *n >= appends)).await;
        reached.expect("the writers go on").expect("the sender is here");
    }

    async fn finish(mut self) -> Ledger {
        self.stop.send_replace(true);
        let mut ledger = Ledger::default();
        let all = async {
            while let Some(writer) = self.tasks.join_next().await {
                ledger.merge(writer.expect("no panic").ledger);
            }
        };
        tokio::time::timeout(PATIENCE, all).await.expect("the store finds the server again");
        ledger
    }
}
