//! Whatever is killed, cut or frozen: what came later is never handed out before what came earlier.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use annals::outbox::Receiver;
use annals::outbox::rabbitmq::{QueueType, RabbitMqSource};
use annals_tests::brokers::{Breakable, RabbitMq, RabbitMqKind, fresh_name};
use annals_tests::random::Random;
use annals_tests::servers::Proxy;
use tokio::time::timeout;

use super::{PATIENCE, make, open_at_last, options, publisher, send_at_last, source};

/// How many brokers and receivers are killed, cut and frozen, unless `ANNALS_RESTARTS` says otherwise.
const RESTARTS: u64 = 4;

/// Two processes that receive the queue by turns, each over a network of its own.
struct Sides {
    proxies: [Proxy; 2],
    sources: [RabbitMqSource; 2],
    turn: usize,
    receiver: Box<dyn Receiver>,
}

impl Sides {
    async fn of(server: &RabbitMq, queue: &str, queue_type: QueueType) -> Self {
        let proxies = [Proxy::to(server.address()).await, Proxy::to(server.address()).await];
        let through = |proxy: &Proxy| {
            options(format!("amqp://{}/%2f", proxy.address()), queue, queue_type).prefetch(100)
        };
        let sources = [
            source(&through(&proxies[0]), &[queue]).await,
            source(&through(&proxies[1]), &[queue]).await,
        ];
        let receiver = open_at_last(&sources[0]).await;
        Self { proxies, sources, turn: 0, receiver }
    }

    /// The process that receives is killed, and the other one takes over.
    async fn killed(&mut self) {
        self.proxies[self.turn].cut();
        self.handed_on().await;
    }

    /// The process that receives ends, and the other one takes over.
    async fn handed_on(&mut self) {
        self.turn = 1 - self.turn;
        self.receiver = open_at_last(&self.sources[self.turn]).await;
    }
}

/// What has come.
struct Log {
    /// All before it have come.
    next: u64,
    seen: Vec<u64>,
    random: Random,
}

impl Log {
    /// Receives until so many are there that have not come before, and acknowledges some of them.
    async fn go_on(&mut self, receiver: &mut dyn Receiver, until: u64) {
        let receiving = async {
            while self.next < until {
                let limit = 1 + self.random.below(40) as usize;
                let Ok(received) = receiver.receive(limit).await else {
                    self.seen.push(u64::MAX);
                    continue;
                };
                let mut last = 0;
                for received in received {
                    let id: u64 = received.message.id.parse().expect("ids are numbers");
                    self.seen.push(id);
                    let recent = &self.seen[self.seen.len().saturating_sub(300)..];
                    assert!(id <= self.next, "{} is missing: {recent:?}", self.next);
                    self.next = self.next.max(id + 1);
                    last = received.number;
                }
                // As many as are behind stay unacknowledged, more than a handful.
                let behind = self.random.below(60);
                let _ = receiver.acknowledge(last.saturating_sub(behind)).await;
            }
        };
        timeout(PATIENCE * 2, receiving).await.expect("everything comes");
    }
}

async fn chaos(queue_type: QueueType) {
    let seed = uuid::Uuid::now_v7().as_u64_pair().1;
    println!("seed {seed}");
    let mut random = Random::new(seed);
    let begun = Instant::now();
    let mut server = Breakable::<RabbitMqKind>::take().await;
    let queue = fresh_name("order");
    let here = options(server.url(), &queue, queue_type);
    make(&server, &here, &queue, queue_type).await;
    let publisher = publisher(&here).await;
    let sent = Arc::new(AtomicU64::new(0));
    let sending = tokio::spawn({
        let (sent, queue) = (sent.clone(), queue.clone());
        async move {
            loop {
                let number = sent.load(Ordering::SeqCst);
                send_at_last(&publisher, &queue, number).await;
                sent.store(number + 1, Ordering::SeqCst);
            }
        }
    });
    let mut sides = Sides::of(&server, &queue, queue_type).await;
    let mut log = Log { next: 0, seen: Vec::new(), random: Random::new(seed ^ 1) };
    let restarts = std::env::var("ANNALS_RESTARTS").ok().and_then(|text| text.parse().ok());
    for _ in 0..restarts.unwrap_or(RESTARTS) {
        let more = log.next + 50 + random.below(400);
        log.go_on(&mut *sides.receiver, more).await;
        let what = random.below(8);
        println!("{:?}: {} have come, then {what}", begun.elapsed(), log.next);
        match what {
            0..3 => {
                server.kill();
                tokio::time::sleep(Duration::from_millis(random.below(500))).await;
                server.restart().await;
            }
            3 => {
                server.stop();
                server.restart().await;
            }
            4 => {
                server.freeze();
                tokio::time::sleep(Duration::from_millis(random.below(1_500))).await;
                server.thaw();
            }
            5 => sides.handed_on().await,
            6 => {
                server.kill();
                let (_, ()) = tokio::join!(sides.killed(), server.restart());
            }
            _ => sides.killed().await,
        }
    }
    sending.abort();
    let end = sent.load(Ordering::SeqCst);
    log.go_on(&mut *sides.receiver, end).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_classic_queue() {
    chaos(QueueType::Classic).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_quorum_queue() {
    chaos(QueueType::Quorum).await;
}
