//! What plain appends wait beside appends whose hooks take their time: `cargo bench -p annals-bench
//! --bench hooks -- URL before|run`. A schema is made and dropped.

mod schema;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use annals::store::{Append, AppendHook, EventStore, StoreError, Transaction};
use annals::{
    ExpectedVersion, NewEvent, Payload, PgOptions, PgStore, Position, RecordedEvent, StreamId,
};

const WRITERS: u64 = 16;
const HOOKED: u64 = 100;
/// What a hook does in the database.
const WORK: &str = "SELECT pg_sleep(0.005)::text";

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Does its work before the append, or after it.
struct Hook {
    before: bool,
}

impl Hook {
    async fn work(&self, transaction: &mut dyn Transaction) -> Result<(), StoreError> {
        transaction.query(WORK, &[]).await?;
        transaction.set_checkpoint("hooks", Position::START).await
    }
}

#[async_trait::async_trait]
impl AppendHook for Hook {
    async fn before(&self, transaction: &mut dyn Transaction) -> Result<(), StoreError> {
        if self.before { self.work(transaction).await } else { Ok(()) }
    }

    async fn run(
        &self,
        _events: &[RecordedEvent],
        transaction: &mut dyn Transaction,
    ) -> Result<(), StoreError> {
        if self.before { Ok(()) } else { self.work(transaction).await }
    }
}

fn append(stream: u64) -> Result<Append, Failure> {
    let event = NewEvent::raw("bench.moved", 1, Payload::parse(r#"{"cents":1}"#)?);
    let stream = StreamId::new("account", stream)?;
    Ok(Append::to(stream, ExpectedVersion::Any, vec![event]))
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|one| one != "--bench").collect();
    let [url, when] = arguments.as_slice() else {
        println!("skipped: needs postgres://… and `before` or `run`");
        return Ok(());
    };
    let schema = format!("bench_hooks_{}", std::process::id());
    let store = Arc::new(PgStore::connect_with(PgOptions::parse(url)?.schema(&schema)?).await?);
    let measured = measure(&store, when == "before").await;
    store.close().await;
    schema::drop_schema(url, &schema).await?;
    measured
}

async fn measure(store: &Arc<PgStore>, before: bool) -> Result<(), Failure> {
    let stop = Arc::new(AtomicBool::new(false));
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let (store, stop) = (store.clone(), stop.clone());
            tokio::spawn(async move {
                let mut times = Vec::new();
                while !stop.load(Ordering::Relaxed) {
                    let begun = Instant::now();
                    store.append(append(writer)?).await?;
                    times.push(begun.elapsed());
                }
                Ok::<_, Failure>(times)
            })
        })
        .collect();
    tokio::time::sleep(Duration::from_millis(200)).await;
    let (begun, mut hooked) = (Instant::now(), Vec::new());
    for n in 0..HOOKED {
        let mut append = append(1_000 + n % 10)?;
        append.hooks = vec![Arc::new(Hook { before })];
        let begun = Instant::now();
        store.append(append).await?;
        hooked.push(begun.elapsed());
    }
    let took = begun.elapsed();
    stop.store(true, Ordering::Relaxed);
    let mut plain = Vec::new();
    for writer in writers {
        plain.extend(writer.await??);
    }
    println!("{HOOKED} hooked appends in {took:.2?}: {}", percentiles(hooked));
    println!("{} plain appends beside them: {}", plain.len(), percentiles(plain));
    Ok(())
}

fn percentiles(mut times: Vec<Duration>) -> String {
    times.sort_unstable();
    let at = |percent: usize| times[(times.len() * percent / 100).min(times.len() - 1)];
    format!("p50 {:.2?}, p99 {:.2?}, most {:.2?}", at(50), at(99), at(100))
}
