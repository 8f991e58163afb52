//! Opening a connection, and finding out early what is wrong with a file.

use std::cmp::Ordering;
use std::path::Path;
use std::sync::Arc;

use annals_core::store::StoreError;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};
use rust_decimal::Decimal;

use crate::error::translate;
use crate::options::{SqliteOptions, Synchronous};
use crate::statements::COUNT_TABLES;

/// Marks a file as ours: "Anls".
const APPLICATION_ID: i32 = 0x416e_6c73;

/// Statements kept prepared, a connection.
const PREPARED_STATEMENTS: usize = 128;

/// What a reader keeps of the file in memory, in kibibytes, which SQLite wants negative.
const READER_CACHE: i64 = -16_384;

/// What the writer keeps. Splitting a page makes SQLite walk through the whole cache at the commit:
/// with 16 MB that took a quarter of the writer's time.
const WRITER_CACHE: i64 = -2_048;

/// How many pages a transaction changes before they leave the cache and are written twice.
const SPILL: i64 = 4_096;

/// The collation that sorts decimals, which are kept as text, by their size.
pub(crate) const DECIMAL_COLLATION: &str = "annals_decimal";

/// Opens the connection that writes, making the file if it does not exist.
pub(crate) fn open_writer(options: &SqliteOptions) -> Result<Connection, StoreError> {
    let place = options.place();
    explain_missing_directory(&options.path)?;
    explain_missing_file(options)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(&options.path, flags)
        .map_err(|error| explain_open(error, options))?;
    prepare(&connection, options, WRITER_CACHE).map_err(|error| explain_open(error, options))?;
    claim(&connection, options)?;
    let mode: String = connection
        .pragma_update_and_check(None, "journal_mode", "wal", |row| row.get(0))
        .map_err(|error| explain_open(error, options))?;
    if mode != "wal" {
        return Err(StoreError::Unavailable {
            place,
            source: Arc::new(std::io::Error::other(format!(
                "its journal mode is `{mode}` and cannot be WAL: the file system must support \
                 shared memory"
            ))),
        });
    }
    connection
        .pragma_update_and_check(
            None,
            "journal_size_limit",
            options.wal_bytes.cast_signed(),
            |_| Ok(()),
        )
        .map_err(|error| translate(error, &place))?;
    if let Some(bytes) = options.max_bytes {
        let page: u64 = connection
            .pragma_query_value(None, "page_size", |row| row.get::<_, i64>(0))
            .map_err(|error| translate(error, &place))?
            .unsigned_abs();
        let pages = (bytes / page.max(1)).max(1);
        connection
            .pragma_update_and_check(None, "max_page_count", pages as i64, |_| Ok(()))
            .map_err(|error| translate(error, &place))?;
    }
    Ok(connection)
}

/// Opens a connection that only reads.
pub(crate) fn open_reader(options: &SqliteOptions) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(&options.path, flags)
        .map_err(|error| explain_open(error, options))?;
    prepare(&connection, options, READER_CACHE).map_err(|error| explain_open(error, options))?;
    Ok(connection)
}

fn prepare(connection: &Connection, options: &SqliteOptions, cache: i64) -> rusqlite::Result<()> {
    connection.busy_timeout(options.busy_timeout)?;
    connection.set_prepared_statement_cache_capacity(PREPARED_STATEMENTS);
    let synchronous = match options.synchronous {
        Synchronous::Full => "FULL",
        Synchronous::Normal => "NORMAL",
    };
    connection.pragma_update(None, "synchronous", synchronous)?;
    connection.pragma_update(None, "temp_store", "memory")?;
    // Without this, many statements are compiled again for each new value that is bound to them.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    // Without these, a column that is not there reads as its own name.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DML, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DDL, false)?;
    // Without this, INSERT OR REPLACE would remove history past the triggers that guard it.
    connection.pragma_update(None, "recursive_triggers", true)?;
    connection.pragma_update(None, "cache_size", cache)?;
    connection.pragma_update(None, "cache_spill", SPILL)?;
    connection.create_collation(DECIMAL_COLLATION, compare_decimals)
}

/// Marks a new file as ours, and refuses one of another program.
fn claim(connection: &Connection, options: &SqliteOptions) -> Result<(), StoreError> {
    // First the tables, then the id: another process that makes the file sets the id first.
    let tables: i64 = connection
        .query_row(COUNT_TABLES, [], |row| row.get(0))
        .map_err(|error| explain_open(error, options))?;
    let id: i32 = connection
        .pragma_query_value(None, "application_id", |row| row.get(0))
        .map_err(|error| explain_open(error, options))?;
    match (id, tables) {
        (APPLICATION_ID, _) => Ok(()),
        // Nobody's yet.
        (0, 0) => connection
            .pragma_update(None, "application_id", APPLICATION_ID)
            .map_err(|error| explain_open(error, options)),
        (other, _) => Err(StoreError::Invalid {
            why: format!(
                "{} is a database of another program (application id {other:#x}, {tables} \
                 tables): give Annals a file of its own",
                options.place()
            ),
        }),
    }
}

/// Nothing is made where nothing may be migrated.
fn explain_missing_file(options: &SqliteOptions) -> Result<(), StoreError> {
    match options.migrate || options.path.exists() {
        true => Ok(()),
        false => Err(StoreError::Unavailable {
            place: options.place(),
            source: Arc::new(std::io::Error::new(
                std::io::ErrorKind::NotFound,
                "there is no such file",
            )),
        }),
    }
}

fn explain_missing_directory(path: &Path) -> Result<(), StoreError> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    match parent {
        Some(parent) if !parent.is_dir() => Err(StoreError::Unavailable {
            place: path.display().to_string(),
            source: Arc::new(std::io::Error::new(
                std::io::ErrorKind::NotFound,
                format!("the directory {} does not exist", parent.display()),
            )),
        }),
        _ => Ok(()),
    }
}

/// Tells "cannot be written" from "cannot be opened": SQLite says the same for both when it is the
/// directory that cannot be written.
fn explain_open(error: rusqlite::Error, options: &SqliteOptions) -> StoreError {
    let place = options.place();
    let cannot_open = error.sqlite_error_code() == Some(rusqlite::ErrorCode::CannotOpen);
    if cannot_open && !options.path.is_dir() {
        let directory = options.path.parent().filter(|path| !path.as_os_str().is_empty());
        let directory = directory.unwrap_or(Path::new("."));
        return StoreError::ReadOnly {
            place,
            hint: format!(
                "SQLite keeps files beside the database, so the directory {} must be writable too",
                directory.display()
            ),
        };
    }
    if error.sqlite_error_code() == Some(rusqlite::ErrorCode::NotADatabase) {
        return StoreError::Invalid {
            why: format!(
                "{place} is not a database, or its beginning is damaged: give Annals a file of its \
                 own, or restore this one from a backup"
            ),
        };
    }
    match translate(error, &place) {
        StoreError::Database { source, .. } => StoreError::Unavailable { place, source },
        other => other,
    }
}

fn compare_decimals(a: &str, b: &str) -> Ordering {
    match (a.parse::<Decimal>(), b.parse::<Decimal>()) {
        (Ok(a), Ok(b)) => a.cmp(&b),
        // Not written by this store; any fixed order will do.
        _ => a.cmp(b),
    }
}
