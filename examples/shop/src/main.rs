//! A shop: commands become events, events become read models, and read models are thrown away and
//! rebuilt from history while customers go on buying.

mod checkout;
#[cfg(test)]
mod checkout_scenarios;
mod desk;
mod domain;
mod flows;
mod notifications;
mod place;
mod read_models;
mod replay;
mod report;
mod returns;
mod screen;
mod shop;
mod together;
mod traffic;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use health::HealthPage;

use place::Place;
use screen::Screen;

/// Anything that ends the program; its message says what, where and the way out.
type Failure = Box<dyn std::error::Error + Send + Sync>;

/// A shop on event sourcing. Without arguments it makes its own traffic; with --replay it takes
/// the orders from a file.
#[derive(Parser)]
#[command(name = "shop")]
struct Arguments {
    /// Replays a retail CSV, plain or gzipped, such as ../shared/data/retail.csv.gz
    #[arg(long, value_name = "FILE")]
    replay: Option<PathBuf>,
    /// Where the events go: memory:, sqlite://FILE or postgres://HOST/DATABASE [default: a file
    /// in your data directory]
    #[arg(long, value_name = "URL")]
    store: Option<String>,
    /// What the traffic is drawn from: the same seed, the same orders
    #[arg(long, default_value_t = 7)]
    seed: u64,
    /// How many orders the traffic consists of
    #[arg(long, default_value_t = 2_000, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    orders: u64,
    /// Begins with an empty store: removes the database file first
    #[arg(long)]
    fresh: bool,
    /// Serves /live, /ready and /health over HTTP, such as on 127.0.0.1:8080
    #[arg(long, value_name = "ADDRESS")]
    health: Option<SocketAddr>,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(arguments, &Screen::new()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments, screen: &Screen) -> Result<(), Failure> {
    // Before anything is opened or removed: the file may not be there at all.
    let plan = arguments.replay.as_deref().map(replay::plan).transpose()?;
    let place = match arguments.store {
        Some(url) => Place::named(url),
        None if plan.is_some() => Place::own("shop-replay.db")?,
        None => Place::own("shop.db")?,
    };
    if arguments.fresh {
        place.clear()?;
    }
    let shop = shop::open(&place.url).await?;
    let before = shop.log().head().await?;
    screen.say(format_args!(
        "The shop opens on {}, with {} events of earlier runs.",
        place.url,
        screen::count(before.get())
    ));
    let page = match arguments.health {
        Some(address) => Some(HealthPage::open(&shop, address).await?),
        None => None,
    };
    if let Some(page) = &page {
        screen.say(format_args!("Its health is served on http://{}/health", page.address()));
    }
    let complete = match plan {
        Some(plan) => replay::run(&shop, screen, plan).await?,
        None => traffic::run(&shop, screen, arguments.seed, arguments.orders).await?,
    };
    let equal = report::proof(&shop, screen).await?;
    report::sagas(&shop, screen).await?;
    report::status(&shop, screen).await?;
    shop.shutdown().await;
    report::place(screen, &place);
    if complete && equal {
        Ok(())
    } else {
        Err("something does not add up: see the lines marked ✗ above".into())
    }
}
