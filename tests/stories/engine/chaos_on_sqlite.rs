//! Two members on one SQLite file that are killed, frozen and stopped by chance, while two write and the
//! consumers are cut into 8 partitions and into 2.

use std::time::Duration;

use super::chaos::Chaos;
use super::site::Site;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_effect_once() {
    let seed = uuid::Uuid::now_v7().as_u128() as u64;
    println!("seed {seed}");
    let site = Site::sqlite().await;
    let chaos = Chaos {
        members: 2,
        lasts: Duration::from_secs(8),
        cuts: &[8, 2],
        consumers: &["totals", "counting", "noting"],
    };
    let told = tokio::time::timeout(Duration::from_secs(90), chaos.run(&site, seed)).await;
    told.expect("it comes to an end");
    site.check().await;
    println!("{} effects outside happened again", site.check_effects().await);
}
