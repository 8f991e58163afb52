//! Two services, a database each, and a real broker between them: processes of both are killed by chance, the
//! broker is killed, stopped and frozen under load, and in the end every fact has had its effect once, in order
//! per key, and nothing is parked.

use std::process::Stdio;
use std::time::{Duration, Instant};

use annals::ops;
use annals::{Annals, Position};
use annals_tests::bank::AccountEvent;
use annals_tests::brokers::{Kafka, Kind, Nats, RabbitMq, Redis, Server, client, fresh_name};
use annals_tests::facts::Deposit;
use annals_tests::random::Random;
use tokio::process::Command;

use crate::engine::Member;
use crate::homes::append;
use crate::postgres::place::Place;

const ACCOUNTS: u64 = 12;

/// How many processes and brokers are killed, stopped or frozen, unless `ANNALS_RESTARTS` says otherwise.
const RESTARTS: u64 = 10;

/// How long it may take in the end for what is left.
const CALM: Duration = Duration::from_secs(60);

/// How long a story may take in all.
const PATIENCE: Duration = Duration::from_secs(240);

struct Actor {
    service: &'static str,
    label: String,
    member: Option<Member>,
}

struct Site {
    bank: Place,
    taxes: Place,
    broker: String,
    place: String,
}

impl Site {
    async fn start(&self, actor: &mut Actor) {
        let store = if actor.service == "bank" { &self.bank } else { &self.taxes };
        let mut command = Command::new(env!("CARGO_BIN_EXE_service"));
        command.args([actor.service, &store.store_url(), &self.broker, &self.place, &actor.label]);
        command.stderr(Stdio::null());
        let mut member = Member::of(command);
        assert_eq!(member.says().await.as_deref(), Some("started"), "{}", actor.label);
        actor.member = Some(member);
    }
}

async fn chaos<K: Kind>(mut server: Server<K>, place: &str) {
    let seed = uuid::Uuid::now_v7().as_u64_pair().1;
    println!("seed {seed}");
    let played = tokio::time::timeout(PATIENCE, play(&mut server, place, seed)).await;
    assert!(played.is_ok(), "it hangs, seed {seed}");
}

async fn play<K: Kind>(server: &mut Server<K>, place: &str, seed: u64) {
    let mut random = Random::new(seed);
    let site = Site {
        bank: Place::shared().await,
        taxes: Place::shared().await,
        broker: server.url(),
        place: place.to_owned(),
    };
    let writer = Annals::on_shared(site.bank.store().await).events::<AccountEvent>();
    let writer = writer.start().await.expect("it starts");
    let reader = Annals::on_shared(site.taxes.store().await);
    let mut actors: Vec<Actor> = [("bank", 2), ("taxes", 2)]
        .into_iter()
        .flat_map(|(service, many)| (0..many).map(move |n| (service, n)))
        .map(|(service, n)| Actor { service, label: format!("{service}-{n}"), member: None })
        .collect();
    for actor in &mut actors {
        site.start(actor).await;
    }
    let restarts = std::env::var("ANNALS_RESTARTS").ok().and_then(|text| text.parse().ok());
    let mut cents = [0i64; ACCOUNTS as usize];
    let mut last = Position::START;
    for _ in 0..restarts.unwrap_or(RESTARTS) {
        for _ in 0..8 {
            let account = random.below(ACCOUNTS);
            let many = 1 + random.below(10);
            let mut events = Vec::new();
            for _ in 0..many {
                cents[account as usize] += 1;
                events.push(AccountEvent::Deposited { cents: cents[account as usize] });
            }
            last = append(&writer, account as u32 + 1, events).await;
        }
        tokio::time::sleep(Duration::from_millis(random.below(300))).await;
        match random.below(10) {
            0..7 => {
                let actor = random.below(actors.len() as u64) as usize;
                let actor = &mut actors[actor];
                if let Some(mut member) = actor.member.take() {
                    member.kill().await;
                }
                site.start(actor).await;
            }
            7 => {
                server.kill();
                tokio::time::sleep(Duration::from_millis(random.below(1_500))).await;
                server.restart().await;
            }
            8 => {
                server.stop();
                server.restart().await;
            }
            _ => {
                server.freeze();
                tokio::time::sleep(Duration::from_millis(random.below(2_000))).await;
                server.thaw();
            }
        }
    }
    let _ = last;
    let reader = reader.start().await.expect("it starts");
    let deadline = Instant::now() + CALM;
    loop {
        let rows = reader.read::<Deposit>().list().await.expect("they can be read");
        let disorder: i64 = rows.iter().map(|row| row.disorder).sum();
        assert_eq!(disorder, 0, "in order, each once, seed {seed}: {rows:?}");
        let of = |account: usize| {
            rows.iter().find(|row| row.account as usize == account + 1).map_or(0, |row| row.last)
        };
        let missing: Vec<_> =
            (0..cents.len()).filter(|account| of(*account) != cents[*account]).collect();
        if missing.is_empty() {
            break;
        }
        if Instant::now() > deadline {
            let bank = ops::consumers(&**writer.stores().work()).await;
            let taxes = ops::consumers(&**reader.stores().work()).await;
            panic!("seed {seed}: {cents:?} came to {rows:?}\n{bank:#?}\n{taxes:#?}");
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    for service in [&writer, &reader] {
        for status in ops::consumers(&**service.stores().work()).await.expect("readable") {
            assert_eq!(status.parked_keys, 0, "{}, seed {seed}: {:?}", status.name, status.trouble);
        }
    }
    for actor in &mut actors {
        if let Some(member) = actor.member.take() {
            member.stop().await;
        }
    }
    writer.shutdown().await;
    reader.shutdown().await;
}

macro_rules! on {
    ($($name:ident: $server:ty),*) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            chaos(<$server>::start().await, &fresh_name("facts")).await;
        }
    )*};
}

on!(nats: Nats, redis: Redis, rabbitmq: RabbitMq, kafka: Kafka);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rabbitmq_with_a_quorum_queue() {
    let server = RabbitMq::start().await;
    let place = fresh_name("facts_quorum");
    let (publisher, address) = client::publisher(&server.url(), &place).await.expect("a broker");
    publisher.prepare(&[address]).await.expect("it can be made");
    server.has_written_down(&place).await;
    chaos(server, &place).await;
}
