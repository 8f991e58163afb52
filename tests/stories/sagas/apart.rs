//! The log is in one store and what follows from it in another: nothing is written in one transaction, and each
//! flow ends all the same, with each effect once.

use std::sync::Arc;
use std::time::Duration;

use annals::{Annals, EngineOptions};
use annals_tests::random::{Random, seed};
use annals_tests::shop::{Checkout, ShopEvent};

use super::checkout::{place, stock, told};
use crate::homes::{Home, quick};

const ORDERS: usize = 30;

async fn shop(log: &Home, work: &Home, options: EngineOptions) -> Annals {
    let builder = Annals::on_shared(log.store().await).read_models_on(work.store().await);
    let builder = builder.events::<ShopEvent>().saga::<Checkout>().engine_options(options);
    builder.start().await.expect("it starts")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_flow_ends_with_each_effect_once() {
    let seed = seed();
    Home::each(async |log: Arc<Home>| {
        Home::each(async |work: Arc<Home>| {
            let mut random = Random::new(seed);
            // Two programs on one file of SQLite cannot be in one process with a lock of their own.
            let first = shop(&log, &work, quick()).await;
            let before = told(&first, 0).await.len();
            stock(&first, ORDERS as i64).await;
            let ended =
                told(&first, 0).await.iter().filter(|line| line.ends_with("placed")).count();
            for order in 0..ORDERS {
                let buyer = ["ada", "poor", "slow"][random.below(3) as usize];
                let name = format!("{}-{order}", work.name());
                place(&first, &name, buyer).await;
                if random.below(6) == 0 {
                    let other = shop(&log, &work, quick()).await;
                    tokio::time::sleep(Duration::from_millis(random.below(20))).await;
                    drop(other);
                }
            }
            let told = told(&first, ended + ORDERS).await.split_off(before);
            let count = |what: &str| told.iter().filter(|line| line.ends_with(what)).count();
            let which = format!("log in {}, work in {}, seed {seed}", log.name(), work.name());
            assert_eq!(count("reserved"), ORDERS, "{which}: {told:?}");
            assert_eq!(count("confirmed") + count("released"), ORDERS, "{which}: {told:?}");
            assert_eq!(count("confirmed"), count("charged"), "{which}: {told:?}");
            first.shutdown().await;
        })
        .await;
    })
    .await;
}
