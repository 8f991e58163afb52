//! Two members on one SQLite file that are killed, frozen and stopped by chance, while two write: as on
//! PostgreSQL.

use super::chaos::Chaos;
use super::site::Site;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cut_anew() {
    play::<1>(Chaos { members: 2, cuts: &[8, 2], ..Chaos::default() }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rebuilt_in_two_versions() {
    let chaos = Chaos { members: 2, rebuilds: true, versions: true, ..Chaos::default() };
    play::<2>(chaos).await;
}

async fn play<const VERSION: u32>(chaos: Chaos<'_>) {
    let site = Site::sqlite().await;
    chaos.run(&site).await;
    site.check_version::<VERSION>().await;
    println!("{} effects outside happened again", site.check_effects().await);
}
