//! What consumers cost that have nothing to do: `cargo bench -p annals-bench --bench idle -- URL [SECONDS]`.
//! On PostgreSQL a database is made and dropped, so that the server counts this program's transactions
//! alone; `sqlite` measures a file of its own.

use std::time::Duration;

use annals::prelude::*;
use annals::{ConsumeError, Subscriber};
use tokio_postgres::{Client, NoTls};

type Failure = Box<dyn std::error::Error + Send + Sync>;

#[derive(Event, Debug, Clone, PartialEq)]
#[event(prefix = "bench")]
enum BenchEvent {
    Moved { cents: i64 },
}

struct Quiet<const N: usize>;

const NAMES: [&str; 50] = names();

#[annals::async_trait]
impl<const N: usize> Subscriber for Quiet<N> {
    type Event = BenchEvent;
    const NAME: &'static str = NAMES[N];

    async fn handle(&self, _: &Recorded<BenchEvent>) -> Result<(), ConsumeError> {
        Ok(())
    }
}

/// `q00` to `q49`.
const fn names() -> [&'static str; 50] {
    const ALL: &str = "q00q01q02q03q04q05q06q07q08q09q10q11q12q13q14q15q16q17q18q19q20q21q22q23q24\
                       q25q26q27q28q29q30q31q32q33q34q35q36q37q38q39q40q41q42q43q44q45q46q47q48q49";
    let (mut names, mut place, mut rest) = ([""; 50], 0, ALL);
    while place < names.len() {
        (names[place], rest) = rest.split_at(3);
        place += 1;
    }
    names
}

macro_rules! first {
    ($builder:ident, $count:ident: $($n:literal)*) => {
        $(if $n < $count {
            $builder = $builder.subscriber(Quiet::<$n>);
        })*
    };
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|one| one != "--bench").collect();
    let Some(store) = arguments.first() else {
        println!("skipped: needs postgres://… or `sqlite`");
        return Ok(());
    };
    let seconds = arguments.get(1).map_or(Ok(60), |seconds| seconds.parse())?;
    for count in [1, 10, 50] {
        if store == "sqlite" {
            let directory = tempfile::tempdir()?;
            let url = format!("sqlite://{}", directory.path().join("idle.db").display());
            measure(&url, None, count, seconds).await?;
        } else {
            let (client, connection) = tokio_postgres::connect(store, NoTls).await?;
            tokio::spawn(connection);
            let name = format!("bench_idle_{}", std::process::id());
            client.batch_execute(&format!("CREATE DATABASE {name}")).await?;
            let (place, _) = store.rsplit_once('/').ok_or("the URL names no database")?;
            let of = Some((&client, name.as_str()));
            let measured = measure(&format!("{place}/{name}"), of, count, seconds).await;
            client.batch_execute(&format!("DROP DATABASE {name} WITH (FORCE)")).await?;
            measured?;
        }
    }
    Ok(())
}

async fn measure(
    url: &str,
    server: Option<(&Client, &str)>,
    count: usize,
    seconds: u64,
) -> Result<(), Failure> {
    let mut builder = Annals::open(url).await?;
    first!(builder, count: 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27
        28 29 30 31 32 33 34 35 36 37 38 39 40 41 42 43 44 45 46 47 48 49);
    let annals = builder.start().await?;
    // Shares are taken, and statistics of the server come a moment late.
    tokio::time::sleep(Duration::from_secs(15)).await;
    let before = (transactions(server).await?, cpu()?);
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    let after = (transactions(server).await?, cpu()?);
    let minutes = seconds as f64 / 60.0;
    println!(
        "{count} idle consumers: {:.0} transactions a minute, {:.2} % of a core",
        (after.0 - before.0) as f64 / minutes,
        (after.1 - before.1).as_secs_f64() / seconds as f64 * 100.0
    );
    annals.shutdown().await;
    Ok(())
}

/// Of the program's database; 0 where there is no server.
async fn transactions(server: Option<(&Client, &str)>) -> Result<i64, Failure> {
    let Some((client, database)) = server else { return Ok(0) };
    let sql = "SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = $1";
    Ok(client.query_one(sql, &[&database]).await?.try_get(0)?)
}

/// Of this program so far.
fn cpu() -> Result<Duration, Failure> {
    let tasks = std::fs::read_dir("/proc/self/task")?;
    let of = |text: &str| text.split(' ').next().and_then(|time| time.parse::<u64>().ok());
    let mut nanoseconds = 0;
    for task in tasks {
        let text = std::fs::read_to_string(task?.path().join("schedstat"))?;
        nanoseconds += of(&text).ok_or("the kernel counts no time by task")?;
    }
    Ok(Duration::from_nanos(nanoseconds))
}
