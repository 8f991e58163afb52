//! `postgres_writer URL SEED WRITERS APPENDS`: a process that writes to a PostgreSQL store beside
//! others, and says at once what it is told.

use std::io::Write;
use std::sync::Arc;

use annals::PgStore;
use annals::store::{Store, StoreError};
use annals_tests::ledger::Ledger;
use annals_tests::writer::Writer;
use tokio::task::JoinSet;

type Outcome = Result<(), Box<dyn std::error::Error>>;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Outcome {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [url, seed, writers, appends] = arguments.as_slice() else {
        return Err("needs URL SEED WRITERS APPENDS".into());
    };
    let (seed, appends): (u64, usize) = (seed.parse()?, appends.parse()?);
    let store: Arc<dyn Store> = Arc::new(PgStore::connect(url).await?);
    let mut tasks = JoinSet::new();
    for number in 0..writers.parse()? {
        let name = format!("p{}w{number}", std::process::id());
        let writer = Writer::new(store.clone(), name, seed ^ (number << 32));
        tasks.spawn(write(writer, appends));
    }
    while let Some(ended) = tasks.join_next().await {
        ended??;
    }
    Ok(())
}

async fn write(mut writer: Writer, appends: usize) -> Result<(), StoreError> {
    for _ in 0..appends {
        writer.append().await;
        if let Some(error) = writer.trouble {
            return Err(error);
        }
        // A parent that does not listen any more has ended, and wants nothing more.
        if say(std::mem::take(&mut writer.ledger)).is_err() {
            break;
        }
    }
    Ok(())
}

fn say(ledger: Ledger) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    for line in ledger.lines() {
        writeln!(out, "{line}")?;
    }
    out.flush()
}
