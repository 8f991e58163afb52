//! A schema of the given PostgreSQL database, for one side of a comparison.

use std::cell::Cell;

use tokio::runtime::Runtime;
use tokio_postgres::{Client, Config, NoTls};

use crate::Failure;
use crate::task::Subject;

/// What is behind the name, where another service has tables of its own.
pub(crate) const OTHER: &str = "_other";

/// Everything one side makes is in here, and goes with it.
pub(crate) struct Schema {
    pub(crate) url: String,
    pub(crate) name: String,
    made: Cell<bool>,
    runtime: Runtime,
}

impl Schema {
    pub(crate) fn new(url: &str, subject: Subject) -> Result<Self, Failure> {
        // Two programs may measure on one database, if only to try something.
        let name = format!("annals_bench_{}_{}", subject.name(), std::process::id());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        Ok(Self { url: url.to_owned(), name, made: Cell::new(false), runtime })
    }

    pub(crate) fn empty(&self) -> Result<(), Failure> {
        let name = &self.name;
        self.run(async |client| {
            let again = format!(
                "DROP SCHEMA IF EXISTS {name}, {name}{OTHER} CASCADE; CREATE SCHEMA {name};"
            );
            client.batch_execute(&again).await?;
            self.made.set(true);
            Ok(())
        })
    }

    /// Statistics for the planner, and no cleaning left over for the first who reads a page.
    pub(crate) fn settle(&self) -> Result<(), Failure> {
        self.run(async |client| {
            let tables = "SELECT quote_ident(tablename) FROM pg_tables WHERE schemaname = $1";
            for row in client.query(tables, &[&self.name]).await? {
                let table: &str = row.try_get(0)?;
                let vacuum = format!("VACUUM (ANALYZE) {}.{table}", self.name);
                client.batch_execute(&vacuum).await?;
            }
            Ok(())
        })
    }

    fn run<T>(&self, work: impl AsyncFnOnce(&Client) -> Result<T, Failure>) -> Result<T, Failure> {
        self.runtime.block_on(async { work(&connect(&self.url).await?).await })
    }
}

impl Drop for Schema {
    fn drop(&mut self) {
        if !self.made.get() {
            return;
        }
        let drop = format!("DROP SCHEMA IF EXISTS {0}, {0}{OTHER} CASCADE", self.name);
        let dropped = self.run(async |client| Ok(client.batch_execute(&drop).await?));
        if let Err(error) = dropped {
            eprintln!("the schema {} is left behind: {error}", self.name);
        }
    }
}

/// A connection by the hand-written program's client.
pub(crate) async fn connect(url: &str) -> Result<Client, Failure> {
    let (client, connection) = config(url)?.connect(NoTls).await.map_err(|error| {
        format!("no connection to the database of --store: {}", with_source(&error))
    })?;
    // When it breaks, the client's next statement says so.
    tokio::spawn(connection);
    Ok(client)
}

/// What stands after the `?` is for Annals only.
pub(crate) fn config(url: &str) -> Result<Config, Failure> {
    let bare = url.split_once('?').map_or(url, |(bare, _)| bare);
    Ok(bare.parse()?)
}

fn with_source(error: &tokio_postgres::Error) -> String {
    match std::error::Error::source(error) {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}
