//! A shop that is killed in the middle of its orders ends every one of them when it is opened again.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use annals::store::{LogFilter, LogQuery};
use annals::{Annals, EventType, Position};

const PATIENCE: Duration = Duration::from_secs(120);

/// How often it is killed.
const KILLS: usize = 3;

fn shop(store: &str, orders: u32) -> Command {
    let mut shop = Command::new(env!("CARGO_BIN_EXE_shop"));
    shop.args(["--store", store, "--orders", &orders.to_string()]).stdout(Stdio::piped());
    shop
}

/// Kills a shop when a quarter of its orders have ended, and others are on their way.
fn kill_one(store: &str) {
    let mut shop = shop(store, 400).spawn().expect("it starts");
    let stdout = shop.stdout.take().expect("it is piped");
    let mut lines = BufReader::new(stdout).lines().map_while(Result::ok);
    let reached = lines.any(|line| line.contains(" of 400 "));
    shop.kill().expect("it runs");
    shop.wait().expect("it has ended");
    assert!(reached, "it ended before a quarter of its orders had");
}

async fn placed(store: &str) -> usize {
    let shop = Annals::open(store).await.expect("it opens").start().await.expect("it starts");
    let event_types = vec![EventType::from_static("order.placed")];
    let filter = LogFilter { event_types, ..LogFilter::default() };
    let query = LogQuery::after(Position::START).filter(filter);
    let page = shop.log().read_log(&query).await.expect("it can be read");
    shop.shutdown().await;
    page.events.len()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_order_ends_all_the_same() {
    let begun = Instant::now();
    let directory = tempfile::tempdir().expect("there is room");
    let store = format!("sqlite://{}", directory.path().join("shop.db").display());
    for _ in 0..KILLS {
        kill_one(&store);
    }
    let last = shop(&store, 20).output().expect("it starts");
    let said = String::from_utf8_lossy(&last.stdout);
    assert!(last.status.success(), "{said}");
    let sagas = said.lines().find(|line| line.starts_with("The sagas")).expect("it says so");
    let numbers: Vec<usize> =
        sagas.split([' ', ';']).filter_map(|word| word.replace(',', "").parse().ok()).collect();
    let [completed, compensated, 0, _, 0, 0] = numbers[..] else { unreachable!("{sagas}") };
    let placed = placed(&store).await;
    assert_eq!(completed + compensated, placed, "{sagas}");
    assert!(placed >= KILLS * 100 + 20, "{placed} were placed");
    assert!(begun.elapsed() < PATIENCE, "it took {:?}", begun.elapsed());
}
