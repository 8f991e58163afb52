//! Which store is meant, and the way into it.

use std::sync::Arc;

use annals::store::{MigrationState, MigrationStatus, Operate, StoreError};
use annals::{PgOptions, PgStore, SqliteOptions, SqliteStore};

use crate::failure::Failure;

/// Parameters of a PostgreSQL URL that does not have them.
const DEFAULTS: [(&str, &str); 2] =
    [("application_name", "annals-cli"), ("connect_retry_ms", "1000")];

/// The environment variable that names a store.
const VARIABLE: &str = "ANNALS_STORE";

/// A store that has not been opened yet.
pub(crate) enum Place {
    Sqlite(SqliteOptions),
    Postgres(Box<PgOptions>),
}

impl Place {
    /// What `--store` says, or else the environment.
    pub(crate) fn find(argument: Option<&str>) -> Result<Self, Failure> {
        let variable = std::env::var(VARIABLE).ok().filter(|text| !text.is_empty());
        match argument.map(str::to_owned).or(variable) {
            Some(text) => Self::parse(&text).map_err(|why| Failure::Usage(why.to_string())),
            None => Err(Failure::Usage(format!(
                "which store? Give --store FILE, --store postgres://USER@HOST/DATABASE, or set {VARIABLE}"
            ))),
        }
    }

    fn parse(text: &str) -> Result<Self, StoreError> {
        let invalid = |why: &str| Err(StoreError::Invalid { why: why.to_owned() });
        if text.starts_with("postgres:") || text.starts_with("postgresql:") {
            return Ok(Self::Postgres(Box::new(PgOptions::parse(&as_ours(text))?)));
        }
        if text.starts_with("sqlite:") {
            return Ok(Self::Sqlite(SqliteOptions::parse(text)?));
        }
        if matches!(text, "memory" | "memory:" | "memory://") {
            return invalid(
                "a store in memory is gone with its program: there is nothing to look at",
            );
        }
        // Nothing of these is shown: a password may stand anywhere.
        if text.contains("://") {
            return invalid("the store's URL begins with neither `sqlite://` nor `postgres://`");
        }
        if text.contains("host=") || text.contains("password=") || text.contains("dbname=") {
            return invalid("write the store as a URL: `postgres://USER@HOST/DATABASE`");
        }
        if text.is_empty() || text.contains('\0') {
            return invalid("this is no name of a file");
        }
        Ok(Self::Sqlite(SqliteOptions::new(text)))
    }

    /// Where it is, without what is secret.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Sqlite(options) => options.place(),
            Self::Postgres(options) => options.place(),
        }
    }

    /// How its tables stand to what this program knows. Changes nothing.
    pub(crate) async fn migrations(&self) -> Result<Vec<MigrationStatus>, Failure> {
        let found = match self {
            Self::Sqlite(options) => SqliteStore::migrations(options).await,
            Self::Postgres(options) => PgStore::migrations(options).await,
        };
        found.map_err(unreachable)
    }

    /// Opens the store as it is. Its tables must be there and at the newest version.
    pub(crate) async fn open(&self) -> Result<Arc<dyn Operate>, Failure> {
        let migrations = self.migrations().await?;
        let is_behind = |one: &MigrationStatus| one.state == MigrationState::Missing;
        if migrations.iter().all(is_behind) {
            return Err(Failure::Unreachable(format!(
                "{}: there is no store here; check the name, or make one with `annals migrate`",
                self.name()
            )));
        }
        if let Some(missing) = migrations.iter().find(|one| is_behind(one)) {
            return Err(Failure::Unreachable(format!(
                "{} lacks migration {} ({}): bring it to the newest version with `annals migrate`",
                self.name(),
                missing.version,
                missing.name
            )));
        }
        self.open_with(false).await
    }

    /// The store that has the log: the one that is open, unless another is named.
    pub(crate) async fn beside(
        store: &Arc<dyn Operate>,
        log: Option<&str>,
    ) -> Result<Arc<dyn Operate>, Failure> {
        match log {
            None => Ok(store.clone()),
            Some(log) => Self::find(Some(log))?.open().await,
        }
    }

    /// Opens the store and makes its tables, or brings them to the newest version.
    pub(crate) async fn migrate(&self) -> Result<Arc<dyn Operate>, Failure> {
        self.open_with(true).await
    }

    async fn open_with(&self, migrate: bool) -> Result<Arc<dyn Operate>, Failure> {
        let opened: Result<Arc<dyn Operate>, StoreError> = match self {
            Self::Sqlite(options) => SqliteStore::open_with(options.clone().migrate(migrate))
                .await
                .map(|store| Arc::new(store) as _),
            Self::Postgres(options) => PgStore::connect_with((**options).clone().migrate(migrate))
                .await
                .map(|store| Arc::new(store) as _),
        };
        opened.map_err(unreachable)
    }
}

/// Whatever keeps a store from being opened.
fn unreachable(error: StoreError) -> Failure {
    match Failure::from(error) {
        damaged @ Failure::Damaged(_) => damaged,
        other => Failure::Unreachable(other.to_string()),
    }
}

/// With what suits somebody who sits and waits, and a name by which others recognise this program's
/// sessions, unless the URL says otherwise.
fn as_ours(url: &str) -> String {
    let mut url = url.to_owned();
    for (name, value) in DEFAULTS {
        if !url.contains(&format!("{name}=")) {
            let separator = if url.contains('?') { '&' } else { '?' };
            url.extend([separator.to_string().as_str(), name, "=", value]);
        }
    }
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_is_a_file_or_a_url() {
        for (text, place) in [
            ("bank.db", "bank.db"),
            ("./a b/bank.db", "./a b/bank.db"),
            ("sqlite://bank.db?readers=2", "bank.db"),
            (
                "postgres://u:hunter2@localhost/bank?schema=a",
                "postgres at localhost:5432/bank, schema a",
            ),
        ] {
            assert_eq!(Place::parse(text).map(|place| place.name()).ok().as_deref(), Some(place));
        }
        for text in [
            "postgress://u:hunter2@h/db",
            "postgres:/u:hunter2@h/db",
            "host=h password=hunter2",
            "postgres://u:hunter2@h:x/db",
            "memory:",
            "",
        ] {
            let error = Place::parse(text).map(|place| place.name()).unwrap_err().to_string();
            assert!(!error.contains("hunter2"), "{error}");
        }
    }
}
