//! `soak MINUTES [SEED]`: writers, followers and a server of their own, killed, frozen and restarted
//! by a seed for so many minutes (`0.2` is fine); then every promise is checked by plain SQL.
//!
//! `cargo run --release -p annals-tests --bin soak -- 30`

mod disturb;
mod follow;
mod process;
mod tally;
mod verify;
mod watch;

use std::time::{Duration, Instant};

use annals_tests::postgres::Server;
use annals_tests::random::Random;
use annals_tests::writing::write_and_tell;

use disturb::Disturbance;

/// How many processes write, and how many writers each of them has.
const WRITING: u64 = 3;
const WRITERS: u64 = 4;

/// How many processes follow the log into the same read model.
const FOLLOWING: u64 = 2;

type Outcome<T = ()> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Outcome {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        // The processes that are there to be killed.
        ["write", url, seed] => Ok(write_and_tell(url, seed.parse()?, WRITERS, usize::MAX).await?),
        ["follow", url, seed] => follow::follow(url, seed.parse()?).await,
        [minutes] => soak(minutes.parse()?, uuid::Uuid::now_v7().as_u128() as u64).await,
        [minutes, seed] => soak(minutes.parse()?, seed.parse()?).await,
        _ => Err("needs MINUTES [SEED]".into()),
    }
}

async fn soak(minutes: f64, seed: u64) -> Outcome {
    let time = Duration::try_from_secs_f64(minutes * 60.0)?;
    println!("soak: {minutes} minutes, seed {seed}");
    let server = Server::start().await;
    let url = format!("{}?pool=4", server.url());
    let watcher = watch::Watcher::start(&url).await?;
    let mut run = Disturbance::start(server, url.clone(), Random::new(seed))?;
    let end = Instant::now() + time;
    let mut told = Instant::now();
    while Instant::now() < end {
        run.disturb().await?;
        if told.elapsed() > Duration::from_secs(30) {
            told = Instant::now();
            println!("soak: {}", run.so_far());
        }
    }
    let (server, ledger, done) = run.stop()?;
    println!("soak: {done}");
    let seen = watcher.stop(&url).await?;
    tally::catch_up(&url).await?;
    let events = verify::verify(&server, &ledger, &seen).await?;
    println!(
        "soak: {events} events, {} acknowledged appends, {} watched: every promise holds",
        ledger.acknowledged.len(),
        seen.len()
    );
    Ok(())
}
