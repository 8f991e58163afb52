//! A saga whose commands another service executes, over every broker: processes of both are killed by chance, and
//! each flow ends, with each effect once.

use std::process::Stdio;
use std::time::Duration;

use annals::{Annals, ops};
use annals_tests::brokers::{Kafka, Nats, RabbitMq, Redis, fresh_name};
use annals_tests::random::{Random, seed};
use annals_tests::shop::ShopEvent;
use tokio::process::Command;

use super::checkout::{place, stock, told};
use crate::engine::Member;
use crate::postgres::place::Place;

/// How many programs are killed.
const KILLS: usize = 6;

/// How many orders are placed between two of them.
const ORDERS: usize = 6;

const PATIENCE: Duration = Duration::from_secs(120);

struct Site {
    orders: Place,
    inventory: Place,
    broker: String,
    place: String,
}

impl Site {
    async fn start(&self, service: &str) -> Member {
        let store = if service == "orders" { &self.orders } else { &self.inventory };
        let mut command = Command::new(env!("CARGO_BIN_EXE_service"));
        command.args([service, &store.store_url(), &self.broker, &self.place, service]);
        command.stderr(Stdio::null());
        let mut member = Member::of(command);
        assert_eq!(member.says().await.as_deref(), Some("started"), "{service}");
        member
    }
}

async fn program(place: &Place) -> Annals {
    let builder = Annals::on_shared(place.store().await).events::<ShopEvent>();
    builder.start().await.expect("it starts")
}

async fn story(broker: String) {
    let seed = seed();
    let (orders, inventory) = (Place::shared().await, Place::shared().await);
    let site = Site { orders, inventory, broker, place: fresh_name("saga") };
    if tokio::time::timeout(PATIENCE, play(&site, seed)).await.is_err() {
        let orders = says(&site.orders, &["far_checkout", "far_checkout-hears"]).await;
        let inventory = says(&site.inventory, &["executor"]).await;
        panic!("it hangs, seed {seed}\norders: {orders}\ninventory: {inventory}");
    }
}

/// How consumers are doing, and what is parked.
async fn says(place: &Place, names: &[&str]) -> String {
    let store = place.store().await;
    let mut said = format!("{:#?}", ops::consumers(&*store).await);
    for name in names {
        said += &format!("\n{name}: {:#?}", ops::parked(&*store, name).await);
    }
    said
}

async fn play(site: &Site, seed: u64) {
    let mut random = Random::new(seed);
    let (orders, inventory) = (program(&site.orders).await, program(&site.inventory).await);
    // One piece too few for all: the last ones are refused.
    stock(&inventory, (KILLS * ORDERS - 3) as i64).await;
    let services = ["orders", "inventory"];
    let mut members = [site.start(services[0]).await, site.start(services[1]).await];
    let mut placed = 0;
    for _ in 0..KILLS {
        for _ in 0..ORDERS {
            let buyer = ["ada", "ada", "poor"][random.below(3) as usize];
            place(&orders, &placed.to_string(), buyer).await;
            placed += 1;
        }
        tokio::time::sleep(Duration::from_millis(random.below(300))).await;
        let which = random.below(2) as usize;
        members[which].kill().await;
        members[which] = site.start(services[which]).await;
    }
    let here = told(&orders, placed).await;
    // Releases are done when the saga has ended.
    let there = told(&inventory, 0).await;
    let count =
        |told: &[String], what: &str| told.iter().filter(|line| line.ends_with(what)).count();
    let (reserved, released) = (count(&there, "reserved"), count(&there, "released"));
    assert_eq!(count(&here, "placed"), placed, "seed {seed}");
    assert_eq!(count(&here, "confirmed"), reserved - released, "seed {seed}: {here:?} {there:?}");
    assert_eq!(
        count(&here, "charged") - count(&here, "refunded"),
        count(&here, "confirmed"),
        "seed {seed}: {here:?} {there:?}"
    );
    for service in [&orders, &inventory] {
        for status in ops::consumers(&**service.stores().work()).await.expect("readable") {
            let strays = status.name == "far_checkout";
            assert!(
                strays || status.parked_keys == 0,
                "{}, seed {seed}: {:?}",
                status.name,
                status.trouble
            );
        }
    }
    for member in members {
        member.stop().await;
    }
    orders.shutdown().await;
    inventory.shutdown().await;
}

macro_rules! over {
    ($($name:ident: $server:ty),*) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            story(<$server>::shared().await).await;
        }
    )*};
}

over!(nats: Nats, redis: Redis, rabbitmq: RabbitMq, kafka: Kafka);
