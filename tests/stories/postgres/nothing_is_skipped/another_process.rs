//! Two processes write at the same time while a third follows.

use std::process::Stdio;

use annals_tests::ledger::Ledger;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

use super::{Place, Story};

/// What a process that writes says it was told.
async fn write(url: String, seed: u64) -> Ledger {
    let mut child = Command::new(env!("CARGO_BIN_EXE_postgres_writer"))
        .args([url, seed.to_string(), "4".to_owned(), "60".to_owned()])
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("the child starts");
    let said = child.stdout.take().expect("its output is piped");
    let mut lines = BufReader::new(said).lines();
    let mut ledger = Ledger::default();
    while let Some(line) = lines.next_line().await.expect("its output is text") {
        ledger.read_line(&line);
    }
    assert!(child.wait().await.expect("it has ended").success(), "the child failed");
    ledger
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_processes_write_at_once() {
    let story = Story::begin(Place::shared().await).await;
    let mut ledger = Ledger::default();
    for _ in 0..2 {
        let schema = &story.place.schema;
        let url = format!("{}?schema={schema}&pool=4", story.place.url);
        let (one, other) = tokio::join!(write(url.clone(), story.seed), write(url, story.seed + 1));
        assert!(!one.acknowledged.is_empty() && !other.acknowledged.is_empty());
        ledger.merge(one);
        ledger.merge(other);
    }
    story.end(&ledger).await;
}
