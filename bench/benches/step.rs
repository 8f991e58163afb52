//! The end of a consumer's batch: fence, compare-and-set and cursor in one statement that goes out with the
//! commit, beside a locked read of the checkpoint before it, which is what a batch had to do without a fence.
//! `cargo bench -p annals-bench --bench step -- URL`. A schema is made and dropped.

mod schema;

use std::time::{Duration, Instant};

use annals::store::{Advance, StoreError, TransactExt};
use annals::{PgOptions, PgStore, Position};

const STEPS: u64 = 2_000;
const ROUNDS: usize = 5;

type Failure = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<(), Failure> {
    let Some(url) = std::env::args().skip(1).find(|one| one != "--bench") else {
        println!("skipped: needs postgres://…");
        return Ok(());
    };
    let schema = format!("bench_step_{}", std::process::id());
    let store = PgStore::connect_with(PgOptions::parse(&url)?.schema(&schema)?).await?;
    let measured = measure(&store).await;
    store.close().await;
    schema::drop_schema(&url, &schema).await?;
    measured
}

async fn measure(store: &PgStore) -> Result<(), Failure> {
    let token = store
        .transact_with(|transaction| {
            Box::pin(async { Ok(transaction.fence_checkpoint("fenced").await?.token) })
        })
        .await?;
    for round in 0..ROUNDS {
        let from = round as u64 * STEPS;
        let begun = Instant::now();
        for at in from..from + STEPS {
            fenced(store, token, at).await?;
        }
        let fenced = begun.elapsed();
        let begun = Instant::now();
        for at in from..from + STEPS {
            locked(store, at).await?;
        }
        let locked = begun.elapsed();
        let each = |time: Duration| time.as_secs_f64() * 1e6 / STEPS as f64;
        println!(
            "fence, compare-and-set and cursor in one: {:.0} µs; locked, read and written: {:.0} µs; {:.2}",
            each(fenced),
            each(locked),
            locked.as_secs_f64() / fenced.as_secs_f64()
        );
    }
    Ok(())
}

async fn fenced(store: &PgStore, token: u64, at: u64) -> Result<(), StoreError> {
    let (from, to) = (Position::new(at), Position::new(at + 1));
    let step = Advance { name: "fenced".to_owned(), token, from, to };
    store
        .transact_with(move |transaction| {
            let step = step.clone();
            Box::pin(async move { transaction.advance_checkpoint(&step).await })
        })
        .await
}

async fn locked(store: &PgStore, at: u64) -> Result<(), StoreError> {
    store
        .transact_with(move |transaction| {
            Box::pin(async move {
                transaction.checkpoint("locked").await?;
                transaction.set_checkpoint("locked", Position::new(at + 1)).await
            })
        })
        .await
}
