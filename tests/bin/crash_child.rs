//! A process that is there to be killed: it works on a SQLite file and says on its standard output
//! what has been acknowledged, one line each, until somebody ends it.
//!
//! `crash_child append FILE SEED` appends from four tasks and keeps the balances.
//! `crash_child rebuild FILE` rebuilds the balances in small batches while it appends.
//! `crash_child write FILE FIRST COUNT` makes COUNT deposits on accounts from FIRST on, and ends.
//! `crash_child open FILE` opens the file and says what came of it.

use std::error::Error;
use std::io::Write;

use annals::store::Store;
use annals::{Annals, EngineOptions, SqliteStore};
use annals_tests::bank::{Account, Balances};
use annals_tests::random::Random;

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["append", file, seed] => append(file, seed.parse()?).await,
        ["rebuild", file] => rebuild(file).await,
        ["write", file, first, count] => write(file, first.parse()?, count.parse()?).await,
        ["open", file] => open(file).await,
        other => Err(format!("unknown arguments {other:?}").into()),
    }
}

/// Tells the parent; a line is only of use if it gets there before the process is killed.
fn say(line: &str) -> Outcome<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")?;
    Ok(out.flush()?)
}

async fn start(file: &str) -> Outcome<Annals> {
    let store = SqliteStore::open(file).await?;
    let options = EngineOptions { page_events: 100, batch_events: 400, ..Default::default() };
    Ok(Annals::on(store).project(Balances).engine_options(options).start().await?)
}

async fn append(file: &str, seed: u64) -> Outcome<()> {
    let annals = start(file).await?;
    let mut tasks = Vec::new();
    for task in 0..4_u64 {
        let annals = annals.clone();
        tasks.push(tokio::spawn(async move {
            let mut random = Random::new(seed ^ (task << 32));
            loop {
                let account = random.below(6);
                let cents = i64::try_from(random.below(1_000)).unwrap_or_default();
                let receipt =
                    annals.execute(&account, |account: &Account| account.deposit(cents)).await?;
                for (id, n) in receipt.event_ids.iter().zip(0_u64..) {
                    let back = receipt.event_ids.len() as u64 - 1 - n;
                    say(&format!(
                        "{} {} {} {id}",
                        receipt.stream,
                        receipt.version.get() - back,
                        receipt.position.get() - back
                    ))?;
                }
            }
        }));
    }
    for task in tasks {
        let result: Outcome<()> = task.await?;
        result?;
    }
    Ok(())
}

async fn rebuild(file: &str) -> Outcome<()> {
    let annals = start(file).await?;
    let writer = annals.clone();
    let writing = tokio::spawn(async move {
        let mut account = 0;
        loop {
            account = (account + 1) % 50;
            writer.execute(&account, |account: &Account| account.deposit(1)).await?;
        }
        #[allow(unreachable_code)]
        Outcome::Ok(())
    });
    loop {
        let mut handle = annals.rebuild::<Balances>();
        while let Some(progress) = handle.next_progress().await {
            say(&format!("{}", progress.events))?;
        }
        handle.await?;
        say("switched")?;
        if writing.is_finished() {
            return writing.await?;
        }
    }
}

async fn write(file: &str, first: u64, count: u64) -> Outcome<()> {
    let annals = start(file).await?;
    for n in 0..count {
        annals.execute(&(first + n % 5), |account: &Account| account.deposit(1)).await?;
    }
    annals.shutdown().await;
    Ok(())
}

async fn open(file: &str) -> Outcome<()> {
    let opened = SqliteStore::open(file).await;
    match opened {
        Ok(store) => {
            let store: &dyn Store = &store;
            say(&format!("head {}", store.head().await?))
        }
        Err(error) => say(&format!("{error:?}\n{error}")),
    }
}
