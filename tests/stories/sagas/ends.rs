//! Whatever is broken off on the way, each flow ends, and each effect happens once.

use std::sync::Arc;
use std::time::Duration;

use annals_tests::random::{Random, seed};

use super::checkout::{place, shop, stock, told};
use crate::homes::{Home, quick};

const ORDERS: usize = 40;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn programs_that_come_and_go_change_nothing() {
    let seed = seed();
    Home::each(async |home: Arc<Home>| {
        let mut random = Random::new(seed);
        let first = shop(&home, quick()).await;
        stock(&first, ORDERS as i64).await;
        for order in 0..ORDERS {
            let buyer = ["ada", "poor"][usize::from(random.below(3) == 0)];
            place(&first, &order.to_string(), buyer).await;
            if random.below(8) == 0 {
                // Dropped in the middle of whatever it does: nothing is handed over.
                let other = shop(&home, quick()).await;
                tokio::time::sleep(Duration::from_millis(random.below(20))).await;
                drop(other);
            }
        }
        let told = told(&first, ORDERS).await;
        let count = |what: &str| told.iter().filter(|line| line.ends_with(what)).count();
        assert_eq!(count("reserved"), ORDERS, "seed {seed}: {told:?}");
        assert_eq!(count("charged") + count("released"), ORDERS, "seed {seed}: {told:?}");
        assert_eq!(count("confirmed"), count("charged"), "seed {seed}: {told:?}");
        first.shutdown().await;
    })
    .await;
}
