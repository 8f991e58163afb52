//! A process is killed while four tasks append. What it was told before is there, nothing is half
//! there, and nobody else has to wait for what it left behind (I1).

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use annals::store::{Append, EventStore};
use annals::{ExpectedVersion, NewEvent, Payload};
use annals_tests::ledger::{Ledger, whole_log};
use annals_tests::random::Random;
use annals_tests::writer::stream;

use super::place::Place;

const ROUNDS: u64 = 12;

/// Starts a process that would write for a long time.
fn start(url: &str, seed: u64) -> Child {
    Command::new(env!("CARGO_BIN_EXE_postgres_writer"))
        .args([url, &seed.to_string(), "4", "100000"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("the child starts")
}

/// Listens to a process, and kills it after some lines. Its last line may be cut off.
fn listen_and_kill(mut child: Child, lines: u64) -> Ledger {
    let mut said = BufReader::new(child.stdout.take().expect("its output is piped"));
    let mut ledger = Ledger::default();
    let mut line = String::new();
    let mut heard = 0;
    while said.read_line(&mut line).expect("its output is text") > 0 && line.ends_with('\n') {
        ledger.read_line(line.trim_end());
        line.clear();
        heard += 1;
        if heard == lines {
            child.kill().expect("it can be killed");
        }
    }
    child.wait().expect("it has ended");
    assert!(heard >= lines, "it goes on until it is killed");
    ledger
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost() {
    let seed = uuid::Uuid::now_v7().as_u128() as u64;
    println!("seed {seed}");
    let mut random = Random::new(seed);
    let place = Place::shared().await;
    let store = place.store().await;
    let mut ledger = Ledger::default();
    for round in 0..ROUNDS {
        let url = format!("{}?schema={}&pool=4", place.url, place.schema);
        let child = start(&url, seed + round);
        let lines = 1 + random.below(60);
        let told = tokio::task::spawn_blocking(move || listen_and_kill(child, lines)).await;
        ledger.merge(told.expect("no panic"));

        // Its last transaction ends when the server notices; an append waits for that.
        let event = NewEvent::raw("sample.after", 1, Payload::from_stored("{}"));
        let append = Append::to(stream("after", "1"), ExpectedVersion::Any, vec![event]);
        let appended = store.append(append.clone()).await.expect("nobody has the log locked");
        ledger.acknowledge(&append, &appended);
        ledger.check_answers(&whole_log(&*store).await);
    }
    assert!(ledger.acknowledged.len() as u64 > 2 * ROUNDS, "the rounds acknowledged something");
}
