//! A process that writes beside others and says at once what it is told; its parent may kill it.

use std::io::Write;
use std::sync::Arc;

use annals::PgStore;
use annals::store::{Store, StoreError};
use tokio::task::JoinSet;

use crate::ledger::Ledger;
use crate::writer::Writer;

/// Writes to the store of a PostgreSQL URL with several writers, each of whom makes `appends`
/// appends, and prints the [lines](Ledger::lines) of what they are told. Ends early when nobody
/// reads them.
///
/// # Errors
/// The store's, when it is neither a conflict nor an unknown outcome.
pub async fn write_and_tell(
    url: &str,
    seed: u64,
    writers: u64,
    appends: usize,
) -> Result<(), StoreError> {
    let store: Arc<dyn Store> = Arc::new(PgStore::connect(url).await?);
    let mut tasks = JoinSet::new();
    for number in 0..writers {
        let name = format!("p{}w{number}", std::process::id());
        let writer = Writer::new(store.clone(), name, seed ^ (number << 32));
        tasks.spawn(write(writer, appends));
    }
    while let Some(ended) = tasks.join_next().await {
        ended.expect("a writer does not panic")?;
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
