//! `postgres_writer URL SEED WRITERS APPENDS`: a process that writes to a PostgreSQL store beside
//! others, and says in the end what it was told.

use std::io::Write;
use std::sync::Arc;

use annals::PgStore;
use annals::store::Store;
use annals_tests::ledger::Ledger;
use annals_tests::writer::Writer;
use tokio::task::JoinSet;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [url, seed, writers, appends] = arguments.as_slice() else {
        return Err("needs URL SEED WRITERS APPENDS".into());
    };
    let (seed, appends): (u64, usize) = (seed.parse()?, appends.parse()?);
    let store: Arc<dyn Store> = Arc::new(PgStore::connect(url).await?);
    let mut tasks = JoinSet::new();
    for number in 0..writers.parse()? {
        let name = format!("p{}w{number}", std::process::id());
        let mut writer = Writer::new(store.clone(), name, seed ^ (number << 32));
        tasks.spawn(async move {
            writer.write(appends).await;
            writer
        });
    }
    let mut ledger = Ledger::default();
    while let Some(writer) = tasks.join_next().await {
        let writer = writer?;
        if let Some(error) = writer.trouble {
            return Err(error.into());
        }
        ledger.merge(writer.ledger);
    }
    let mut out = std::io::stdout().lock();
    for line in ledger.lines() {
        writeln!(out, "{line}")?;
    }
    Ok(out.flush()?)
}
