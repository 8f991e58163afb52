//! Half a year's loan applications of a Dutch bank, imported as history: 262,200 real events become
//! read models, which are printed, rebuilt from history, and held against the published facts.
//!
//! ```text
//! cargo run --release -p loans -- ../shared/data/loans.ndjson.gz
//! ```

mod events;
mod facts;
mod import;
mod line;
mod read_models;
mod rebuild;
mod screen;
#[cfg(test)]
mod tests;
mod translate;

use std::error::Error;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use annals::store::Store;
use annals::{Annals, StartError};
use clap::Parser;
use health::HealthPage;

use events::LoanEvent;
use read_models::{Activities, Applications, Decisions, ReadModels, StatusFunnel, WorkByDay};

/// Imports the events of loan applications, builds read models, prints and rebuilds them.
#[derive(Parser)]
struct Arguments {
    /// The file, such as ../shared/data/loans.ndjson.gz: one JSON object a line, gzipped or not
    file: PathBuf,
    /// The store: `memory:`, `sqlite://path` or `postgres://host/database`; a second run on the same one doubles nothing
    #[arg(long, default_value = "sqlite://loans.db")]
    store: String,
    /// Serves /live, /ready and /health over HTTP once the read models are followed, such as on 127.0.0.1:8080
    #[arg(long, value_name = "ADDRESS")]
    health: Option<SocketAddr>,
}

/// How long the read models may take to follow the import.
const CATCH_UP: Duration = Duration::from_secs(120);

#[tokio::main]
async fn main() -> ExitCode {
    match run(&Arguments::parse()).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}

/// `false` when a published fact does not hold, or a rebuild changed a row.
async fn run(arguments: &Arguments) -> Result<bool, Box<dyn Error>> {
    let store = annals::open_store(&arguments.store).await?;
    println!("importing {} into the {} store", arguments.file.display(), store.capabilities().name);
    let importer = importer(&store).await?;
    let line = screen::ImportLine::new();
    let imported = import::import(&importer, &arguments.file, |so_far| line.show(so_far)).await?;
    line.finish(&imported);

    let begun = Instant::now();
    let annals = projections(&store).await?;
    let page = match arguments.health {
        Some(address) => Some(HealthPage::open(&annals, address).await?),
        None => None,
    };
    if let Some(page) = &page {
        println!("health is served on http://{}/health", page.address());
    }
    annals.wait_for(store.head().await?, CATCH_UP).await?;
    println!("read models up to date {:.1} s later", begun.elapsed().as_secs_f64());

    let before = ReadModels::read(&annals).await?;
    screen::read_models(&before);

    screen::title("Rebuilt from history");
    let begun = Instant::now();
    let rebuilt = rebuild::all(&annals).await?;
    screen::rebuilds(&rebuilt, begun.elapsed());
    let after = ReadModels::read(&annals).await?;
    let equal = before == after;
    screen::equality(after.count(), equal);

    screen::title("The published facts");
    let facts = facts::check(&annals, &after).await?;
    screen::facts(&facts);
    annals.shutdown().await;
    Ok(equal && facts.iter().all(facts::Fact::holds))
}

/// For the import alone: read models that follow every batch would only slow it down. They catch
/// up afterwards, in large steps.
async fn importer(store: &Arc<dyn Store>) -> Result<Annals, StartError> {
    Annals::on_shared(store.clone()).events::<LoanEvent>().start().await
}

async fn projections(store: &Arc<dyn Store>) -> Result<Annals, StartError> {
    Annals::on_shared(store.clone())
        .project(Activities)
        .project(Applications)
        .project(StatusFunnel)
        .handle(Decisions)
        .project(WorkByDay)
        .start()
        .await
}
