//! Looking at the file beneath the store.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use annals_core::store::{
    AppliedMigration, Examination, Examine, Finding, MigrationStatus, StoreError,
};
use annals_core::{Clock, SystemClock};
use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use rusqlite::Connection;

use crate::SqliteStore;
use crate::connection::open_reader;
use crate::error::{corrupt, translate};
use crate::log::read_end;
use crate::migrate::{MIGRATIONS_TABLE, known_migrations};
use crate::options::SqliteOptions;
use crate::statements::{COUNT_EVENTS, FIND_TABLE, LIST_GUARDS, LIST_MIGRATIONS};

/// What finds events, and what guards them.
const GUARDS: [&str; 6] = [
    "annals_events_by_stream",
    "annals_events_by_id",
    "annals_commands_by_time",
    "annals_events_refuse_update",
    "annals_events_refuse_delete",
    "annals_events_refuse_past",
];

/// How many times its limit the write-ahead log may be long.
const LONG_LOG: u64 = 4;

/// How many faults of a damaged file are shown.
const SHOWN_FAULTS: usize = 10;

/// How far the last event may lie in the future.
const AHEAD: SignedDuration = SignedDuration::from_secs(1);

/// How many bytes of the file may be unused, if they are less than a quarter of it.
const UNUSED_BYTES: u64 = 64 << 20;

#[async_trait]
impl Examine for SqliteStore {
    async fn examine(&self, how: &Examination) -> Result<Vec<Finding>, StoreError> {
        let (how, place) = (*how, self.place());
        let options = self.readers().options();
        let look = move |c: &Connection| {
            look(c, &options, &how).map_err(|error| match error {
                Failure::Sqlite(error) => translate(error, &place),
                Failure::Other(error) => error,
            })
        };
        self.readers().read(look).await
    }
}

enum Failure {
    Sqlite(rusqlite::Error),
    Other(StoreError),
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Other(error)
    }
}

fn look(
    connection: &Connection,
    options: &SqliteOptions,
    how: &Examination,
) -> Result<Vec<Finding>, Failure> {
    let mut findings = vec![
        integrity(connection, how)?,
        guards(connection)?,
        journal(connection)?,
        write_ahead_log(options),
        clock(connection, &options.place())?,
        size(connection, &options.path)?,
    ];
    if how.full {
        findings.push(numbers(connection, &options.place())?);
    }
    Ok(findings)
}

fn integrity(connection: &Connection, how: &Examination) -> Result<Finding, Failure> {
    let check = if how.full { "integrity_check" } else { "quick_check" };
    let mut faults: Vec<String> = Vec::new();
    let checked = connection.pragma(None, check, SHOWN_FAULTS as i64, |row| {
        faults.push(row.get(0)?);
        Ok(())
    });
    // A file may be so damaged that the check itself ends.
    if let Err(error) = checked {
        faults.push(error.to_string());
    }
    faults.retain(|fault| fault != "ok");
    if faults.is_empty() {
        return Ok(Finding::ok("integrity", format!("{check} finds nothing wrong")));
    }
    let advice = "stop writing, keep a copy of the file, and restore a backup; what can be read can \
                  be taken along with `annals export`";
    let what = format!("{check}: {}", faults.join("; "));
    Ok(Finding::bad("integrity", what, advice).fact("faults", faults))
}

fn guards(connection: &Connection) -> Result<Finding, Failure> {
    let mut statement = connection.prepare(LIST_GUARDS)?;
    let found: HashSet<String> =
        statement.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
    let missing: Vec<&str> = GUARDS.into_iter().filter(|name| !found.contains(*name)).collect();
    if missing.is_empty() {
        let what = "the indexes are there, and so are the triggers that refuse to change history";
        return Ok(Finding::ok("indexes", what));
    }
    let what = format!("missing: {}", missing.join(", "));
    let advice = "somebody removed them: make them again as `sql/migrations/0001_first.sql` does";
    Ok(Finding::bad("indexes", what, advice).fact("missing", missing))
}

fn journal(connection: &Connection) -> Result<Finding, Failure> {
    let mode: String = connection.pragma_query_value(None, "journal_mode", |row| row.get(0))?;
    Ok(match mode.as_str() {
        "wal" => Finding::ok("journal_mode", "wal"),
        other => Finding::warn(
            "journal_mode",
            format!("the journal mode is `{other}`: readers and the writer wait for each other"),
            "open the store with Annals, which sets it to `wal`, on a file system with shared memory",
        ),
    }
    .fact("journal_mode", mode))
}

fn write_ahead_log(options: &SqliteOptions) -> Finding {
    let mut path = options.path.clone().into_os_string();
    path.push("-wal");
    let bytes = fs::metadata(PathBuf::from(path)).map_or(0, |file| file.len());
    let finding = if bytes <= options.wal_bytes.saturating_mul(LONG_LOG) {
        Finding::ok("wal", format!("the write-ahead log has {bytes} bytes"))
    } else {
        Finding::warn(
            "wal",
            format!("the write-ahead log has {bytes} bytes: it cannot be begun anew"),
            "a reader has been open for long: find the program that reads and does not finish",
        )
    };
    finding.fact("bytes", bytes)
}

fn clock(connection: &Connection, place: &str) -> Result<Finding, Failure> {
    let (_, last) = read_end(connection, place)?;
    let now = SystemClock.now();
    let Some(last) = last else { return Ok(Finding::ok("clock", "there is no event yet")) };
    let ahead = last.duration_since(now);
    let finding = if ahead <= AHEAD {
        Finding::ok("clock", "times are this machine's, and no event lies ahead of them")
    } else {
        Finding::warn(
            "clock",
            format!("the last event was recorded at {last}, which is yet to come"),
            "this machine's clock went back, or another machine's was ahead: until then, all \
             events are recorded at that time; see that the clock is kept by NTP",
        )
    };
    Ok(finding.fact("last_recorded_at", last.to_string()).fact("now", now.to_string()))
}

fn size(connection: &Connection, path: &Path) -> Result<Finding, Failure> {
    let pragma = |name: &str| {
        connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0)).map(i64::unsigned_abs)
    };
    let (page, pages, free) =
        (pragma("page_size")?, pragma("page_count")?, pragma("freelist_count")?);
    let (bytes, unused) = (page * pages, page * free);
    let finding = if unused > UNUSED_BYTES && free * 4 > pages {
        Finding::warn(
            "size",
            format!("the file has {bytes} bytes, of which {unused} are unused"),
            format!("give them back, while nobody uses it: sqlite3 '{}' VACUUM", path.display()),
        )
    } else {
        Finding::ok("size", format!("the file has {bytes} bytes, of which {unused} are unused"))
    };
    Ok(finding.fact("bytes", bytes).fact("unused_bytes", unused))
}

fn numbers(connection: &Connection, place: &str) -> Result<Finding, Failure> {
    let (head, _) = read_end(connection, place)?;
    let (events, torn): (i64, i64) =
        connection.query_row(COUNT_EVENTS, [], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let (events, torn) = (events.unsigned_abs(), torn.unsigned_abs());
    let finding = if events == head.get() && torn == 0 {
        Finding::ok("positions", format!("{events} events, numbered without a hole"))
    } else {
        Finding::bad(
            "positions",
            format!("{events} events where {head} should be; {torn} streams with holes"),
            "events were removed past the triggers: restore a backup",
        )
    };
    Ok(finding.fact("events", events).fact("head", head.get()).fact("torn_streams", torn))
}

impl SqliteStore {
    /// How the tables of a file stand to what this program knows, without changing or making it.
    ///
    /// # Errors
    /// As [`open_with`](Self::open_with), as far as a file can be read.
    pub async fn migrations(options: &SqliteOptions) -> Result<Vec<MigrationStatus>, StoreError> {
        let options = options.clone();
        let read = move || {
            let known = known_migrations();
            // A file that nothing was written to yet is no database.
            if fs::metadata(&options.path).is_ok_and(|file| file.len() == 0)
                || !options.path.exists()
            {
                return Ok(MigrationStatus::compare(known, &[]));
            }
            let connection = open_reader(&options)?;
            let applied = applied(&connection).map_err(|error| match error {
                Failure::Sqlite(error) => translate(error, &options.place()),
                Failure::Other(error) => error,
            })?;
            Ok(MigrationStatus::compare(known, &applied))
        };
        tokio::task::spawn_blocking(read).await.map_err(|_| StoreError::Closed)?
    }
}

fn applied(connection: &Connection) -> Result<Vec<AppliedMigration>, Failure> {
    if !connection.prepare(FIND_TABLE)?.exists([MIGRATIONS_TABLE])? {
        return Ok(Vec::new());
    }
    let mut statement = connection.prepare(LIST_MIGRATIONS)?;
    let mut rows = statement.query([])?;
    let mut applied = Vec::new();
    while let Some(row) = rows.next()? {
        let micros = row.get(3)?;
        applied.push(AppliedMigration {
            version: row.get(0)?,
            name: row.get(1)?,
            checksum: row.get(2)?,
            applied_at: Timestamp::from_microsecond(micros).map_err(corrupt)?,
        });
    }
    Ok(applied)
}
