//! `member URL LABEL NAME=VALUE…`: one of several processes that run the same consumers on one store,
//! until its input ends; it is there to be killed, frozen and stopped. It says `started` when it has.
//!
//! `lease=MILLISECONDS`, `locks=no`, `effects=FILE`, `failing=PERCENT`, `version=1|2`, and
//! `waits=MILLISECONDS`, `blocks=MILLISECONDS` or `breaks=yes` for what its handler does with a special
//! event.

use std::collections::HashMap;
use std::time::Duration;

use annals::{Annals, EngineOptions};
use annals_tests::members::{Counting, FailOnce, Noting, Special, Totals};

type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

fn milliseconds(text: &str) -> Outcome<Duration> {
    Ok(Duration::from_millis(text.parse()?))
}

// One thread, so that a handler that blocks it blocks everything.
#[tokio::main(flavor = "multi_thread", worker_threads = 1)]
async fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [url, label, settings @ ..] = arguments.as_slice() else {
        return Err("needs URL LABEL NAME=VALUE…".into());
    };
    let settings: HashMap<&str, &str> =
        settings.iter().filter_map(|setting| setting.split_once('=')).collect();
    let setting = |name: &str| settings.get(name).copied();
    let mut options = EngineOptions {
        label: label.clone(),
        lease: milliseconds(setting("lease").unwrap_or("1000"))?,
        parked_after: Duration::from_millis(300),
        parked_at_most: Duration::from_secs(1),
        stop_within: Duration::from_secs(3),
        ..EngineOptions::default()
    };
    if setting("locks") == Some("no") {
        options.lock_directory = None;
    }
    let failing: u64 = setting("failing").unwrap_or("0").parse()?;
    let special = match (setting("waits"), setting("blocks"), setting("breaks")) {
        (Some(time), _, _) => Special::Waits(milliseconds(time)?),
        (_, Some(time), _) => Special::Blocks(milliseconds(time)?),
        (_, _, Some(_)) => Special::Fails,
        _ => Special::Nothing,
    };
    let counting = Counting { failing: FailOnce::percent(failing), special };
    let program = Annals::open(url).await?.engine_options(options).handle(counting);
    let program = match setting("version") {
        Some("2") => program.project(Totals::<2>),
        _ => program.project(Totals::<1>),
    };
    let program = match setting("effects") {
        Some(file) => {
            program.subscriber(Noting { file: file.into(), failing: FailOnce::percent(failing) })
        }
        None => program,
    };
    let annals = program.start().await?;
    println!("started");
    let ended = tokio::task::spawn_blocking(|| std::io::stdin().read_line(&mut String::new()));
    ended.await??;
    let unfinished = annals.shutdown().await;
    println!("stopped {unfinished:?}");
    Ok(())
}
