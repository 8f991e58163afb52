//! How long after `kill -9` of a member another one works on in its place: `cargo bench -p annals-bench
//! --bench take_over -- URL`. Once as on two machines, where only the lease tells, and once as on one, where
//! the lock of a file does. A schema is made and dropped.

mod schema;

use std::process::Stdio;
use std::time::{Duration, Instant};

use annals::prelude::*;
use annals::store::Append;
use annals::{ConsumeError, EngineOptions, ExpectedVersion, NewEvent, StreamId, Subscriber};
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

type Failure = Box<dyn std::error::Error + Send + Sync>;

const ROUNDS: usize = 5;

#[derive(Event, Debug, Clone, PartialEq)]
#[event(prefix = "bench")]
enum BenchEvent {
    Moved { cents: i64 },
}

/// Says of each event that it has it.
struct Telling;

#[annals::async_trait]
impl Subscriber for Telling {
    type Event = BenchEvent;
    const NAME: &'static str = "telling";

    async fn handle(&self, event: &Recorded<BenchEvent>) -> Result<(), ConsumeError> {
        println!("{}", event.position.get());
        Ok(())
    }
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|one| one != "--bench").collect();
    match arguments.as_slice() {
        [url, member, machine] if member == "member" => follow(url, machine == "one").await,
        [url] => {
            let schema = format!("bench_take_over_{}", std::process::id());
            let store = format!("{url}?schema={schema}");
            let measured = async {
                measure(&store, "two").await?;
                measure(&store, "one").await
            };
            let measured = measured.await;
            schema::drop_schema(url, &schema).await?;
            measured
        }
        _ => {
            println!("skipped: needs postgres://…");
            Ok(())
        }
    }
}

/// A member, until it is killed.
async fn follow(store: &str, same_machine: bool) -> Result<(), Failure> {
    let mut options = EngineOptions::default();
    if !same_machine {
        options.lock_directory = None;
    }
    let annals = Annals::open(store).await?.subscriber(Telling).engine_options(options);
    let _annals = annals.start().await?;
    std::future::pending().await
}

struct Member {
    child: Child,
    said: Lines<BufReader<ChildStdout>>,
}

impl Member {
    fn start(store: &str, machine: &str) -> Result<Self, Failure> {
        let mut child = Command::new(std::env::current_exe()?)
            .args([store, "member", machine])
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let said = child.stdout.take().ok_or("a member has no standard output")?;
        Ok(Self { child, said: BufReader::new(said).lines() })
    }

    async fn has_an_event(&mut self) -> Result<(), Failure> {
        let said = tokio::time::timeout(Duration::from_secs(60), self.said.next_line()).await;
        said.map_err(|_| "nobody had an event for a minute")??.ok_or("a member has ended")?;
        Ok(())
    }
}

async fn measure(store: &str, machine: &str) -> Result<(), Failure> {
    let writer = Annals::open(store).await?.events::<BenchEvent>().start().await?;
    let writing = tokio::spawn(write(writer.clone()));
    let mut times = Vec::new();
    let mut working = Member::start(store, machine)?;
    working.has_an_event().await?;
    for _ in 0..ROUNDS {
        let mut next = Member::start(store, machine)?;
        // It has its share.
        next.has_an_event().await?;
        let begun = Instant::now();
        working.child.kill().await?;
        taken_over(&mut next).await?;
        times.push(begun.elapsed());
        working = next;
    }
    writing.abort();
    writer.shutdown().await;
    times.sort_unstable();
    println!("{machine} machine(s): {times:.2?}");
    Ok(())
}

/// Until events of all streams come to it.
async fn taken_over(member: &mut Member) -> Result<(), Failure> {
    let mut streams = std::collections::HashSet::new();
    while streams.len() < STREAMS as usize {
        let said = tokio::time::timeout(Duration::from_secs(60), member.said.next_line()).await;
        let said = said.map_err(|_| "nobody had an event for a minute")??;
        let position: u64 = said.ok_or("a member has ended")?.parse()?;
        streams.insert(position % STREAMS);
    }
    Ok(())
}

/// They take turns, so that the position tells the stream.
const STREAMS: u64 = 16;

async fn write(annals: Annals) -> Result<(), Failure> {
    let mut pace = tokio::time::interval(Duration::from_millis(5));
    let mut position = annals.log().head().await?.get();
    loop {
        pace.tick().await;
        let event = NewEvent::of(&BenchEvent::Moved { cents: 1 })?;
        let stream = StreamId::new("account", (position + 1) % STREAMS)?;
        let append = Append::to(stream, ExpectedVersion::Any, vec![event]);
        position = annals.append(append).await?.position.get();
    }
}
