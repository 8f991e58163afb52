//! The file, its table of events, and the statements that several works share.

use annals::{Timestamp, Uuid};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, Statement, params};

use crate::Failure;
use crate::domain::{Account, Movement};
use crate::place::Target;
use crate::task::{Synchronous, Task, Work};

/// What an event store needs: a global order, streams whose versions are unique, ids that are.
const TABLES: &str = "
    CREATE TABLE IF NOT EXISTS events (
        position    INTEGER PRIMARY KEY,
        stream      TEXT    NOT NULL,
        version     INTEGER NOT NULL,
        id          BLOB    NOT NULL,
        type        TEXT    NOT NULL,
        recorded_at INTEGER NOT NULL,
        payload     TEXT    NOT NULL
    ) STRICT;
    CREATE UNIQUE INDEX IF NOT EXISTS by_stream ON events (stream, version);
    CREATE UNIQUE INDEX IF NOT EXISTS by_id ON events (id);
    CREATE TABLE IF NOT EXISTS balances (
        account   TEXT PRIMARY KEY,
        cents     INTEGER NOT NULL,
        movements INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS checkpoint (
        name     TEXT PRIMARY KEY,
        position INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS timers (
        key    TEXT PRIMARY KEY,
        due_at TEXT NOT NULL,
        body   TEXT NOT NULL,
        set_at TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX IF NOT EXISTS by_due ON timers (due_at);
";

/// The next position is the largest there is plus one: SQLite has one writer.
const INSERT: &str = "
    INSERT INTO events (stream, version, id, type, recorded_at, payload)
    VALUES (?1, ?2, ?3, 'account.moved', ?4, ?5)";

const READ_STREAM: &str = "SELECT payload FROM events WHERE stream = ?1 ORDER BY version";

pub(super) const CHECKPOINT: &str = "
    INSERT INTO checkpoint (name, position) VALUES ('balances', ?1)
    ON CONFLICT (name) DO UPDATE SET position = excluded.position";

/// With the same settings as the store of Annals.
pub(super) fn open(task: &Task) -> Result<Connection, Failure> {
    let Target::Sqlite { directory } = &task.target else {
        return Err(format!("{:?} is not an SQLite database", task.target).into());
    };
    let connection = Connection::open(directory.join("limit.db"))?;
    connection.pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(()))?;
    let synchronous = match task.synchronous {
        Synchronous::Full => "FULL",
        Synchronous::Normal => "NORMAL",
    };
    connection.pragma_update(None, "synchronous", synchronous)?;
    connection.pragma_update(None, "temp_store", "memory")?;
    // What a connection of Annals has that does such work: readers have more.
    let cache = if matches!(task.work, Work::Load { .. } | Work::Rebuild { .. }) {
        -16_384
    } else {
        -2_048
    };
    connection.pragma_update(None, "cache_size", cache)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.busy_timeout(std::time::Duration::from_secs(5))?;
    connection.execute_batch(TABLES)?;
    Ok(connection)
}

/// Whether the rows follow from so many events of so many accounts.
pub(super) fn check(connection: &Connection, accounts: u64, each: u64) -> Result<(), Failure> {
    let count = "SELECT count(*), sum(movements) FROM balances";
    let (rows, movements): (i64, i64) =
        connection.query_row(count, [], |row| Ok((row.get(0)?, row.get(1)?)))?;
    if rows.unsigned_abs() != accounts || movements.unsigned_abs() != accounts * each {
        return Err(format!("{rows} rows from {movements} events").into());
    }
    Ok(())
}

pub(super) fn stream(account: Uuid) -> String {
    format!("account-{account}")
}

/// Appends events. That a stream is not at the version is noticed by the index.
pub(super) struct Insert<'c>(Statement<'c>);

impl<'c> Insert<'c> {
    pub(super) fn new(connection: &'c Connection) -> Result<Self, Failure> {
        Ok(Self(connection.prepare(INSERT)?))
    }

    pub(super) fn event(
        &mut self,
        stream: &str,
        version: u64,
        movement: &Movement,
    ) -> Result<(), Failure> {
        let payload = serde_json::to_string(movement)?;
        let now = Timestamp::now().as_microsecond();
        let id = Uuid::now_v7();
        self.0.execute(params![stream, version as i64, id.as_bytes(), now, payload])?;
        Ok(())
    }
}

/// Folds accounts from their streams.
pub(super) struct Fold<'c>(Statement<'c>);

impl<'c> Fold<'c> {
    pub(super) fn new(connection: &'c Connection) -> Result<Self, Failure> {
        Ok(Self(connection.prepare(READ_STREAM)?))
    }

    pub(super) fn account(&mut self, stream: &str) -> Result<Account, Failure> {
        let mut account = Account::default();
        let mut rows = self.0.query([stream])?;
        while let Some(row) = rows.next()? {
            let movement: Movement = serde_json::from_str(row.get_ref(0)?.as_str()?)?;
            account.take_in(&movement);
        }
        Ok(account)
    }
}
