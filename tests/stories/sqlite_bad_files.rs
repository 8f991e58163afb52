//! What can be wrong with a file: each gives an error that names the file and the way out, and
//! loses nothing.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use annals::store::{Append, EventStore, LogQuery, StoreError};
use annals::{ExpectedVersion, NewEvent, Payload, Position, SqliteOptions, SqliteStore, StreamId};
use tempfile::TempDir;

/// A directory with a store in it that holds three events.
async fn store_with_three_events() -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("store.db");
    let store = SqliteStore::open(&file).await.unwrap();
    for n in 0..3 {
        store.append(placed(n, "{}")).await.unwrap();
    }
    store.close().await;
    (directory, file)
}

fn placed(order: u64, payload: &str) -> Append {
    let event = NewEvent::raw("order.placed", 1, Payload::parse(payload).unwrap());
    Append::to(StreamId::new("order", order).unwrap(), ExpectedVersion::Any, vec![event])
}

async fn refusal(options: SqliteOptions) -> StoreError {
    SqliteStore::open_with(options).await.expect_err("the file must be refused")
}

async fn three_events_are_there(file: &Path) {
    let store = SqliteStore::open(file).await.unwrap();
    let page = store.read_log(&LogQuery::after(Position::START)).await.unwrap();
    assert_eq!(page.events.len(), 3);
    store.close().await;
}

fn says(error: &StoreError, words: &[&str]) {
    let text = error.to_string();
    for word in words {
        assert!(text.contains(word), "`{text}` does not say `{word}`");
    }
}

#[tokio::test]
async fn a_file_of_a_newer_version() {
    let (_directory, file) = store_with_three_events().await;
    let raw = rusqlite::Connection::open(&file).unwrap();
    raw.execute("INSERT INTO annals_migrations VALUES (999, 'future', 'x', 0)", []).unwrap();
    let error = refusal(SqliteOptions::new(&file)).await;
    assert!(matches!(error, StoreError::Newer { found: 999, .. }), "{error:?}");
    says(&error, &["store.db", "999", "upgrade"]);

    raw.execute("DELETE FROM annals_migrations WHERE version = 999", []).unwrap();
    three_events_are_there(&file).await;
}

#[tokio::test]
async fn a_migration_that_was_changed() {
    let (_directory, file) = store_with_three_events().await;
    let raw = rusqlite::Connection::open(&file).unwrap();
    raw.execute("UPDATE annals_migrations SET checksum = 'other'", []).unwrap();
    says(&refusal(SqliteOptions::new(&file)).await, &["store.db", "migration 1", "checksum"]);
}

#[tokio::test]
async fn a_file_that_is_no_database() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("notes.txt");
    std::fs::write(&file, "Dear diary, today I did not make a database. ".repeat(100)).unwrap();
    let error = refusal(SqliteOptions::new(&file)).await;
    assert!(matches!(error, StoreError::Invalid { .. }), "{error:?}");
    says(&error, &["notes.txt", "not a database", "file of its own"]);
    assert!(std::fs::read_to_string(&file).unwrap().starts_with("Dear diary"), "left as it was");
}

#[tokio::test]
async fn a_file_that_is_damaged_in_the_middle() {
    let (_directory, file) = store_with_three_events().await;
    let mut bytes = std::fs::read(&file).unwrap();
    // The first page, which says what the file is, stays whole.
    let end = bytes.len();
    bytes[4096..end].fill(0xa5);
    std::fs::write(&file, bytes).unwrap();
    let opened = SqliteStore::open(&file).await;
    let error = match opened {
        Err(error) => error,
        Ok(store) => store
            .read_log(&LogQuery::after(Position::START))
            .await
            .expect_err("damage is never passed over"),
    };
    assert!(matches!(error, StoreError::Corrupt { .. }), "{error:?}");
    says(&error, &["damaged", "backup"]);
}

#[tokio::test]
async fn a_database_of_another_program() {
    let directory = tempfile::tempdir().unwrap();
    // Most programs do not set an id: then it is their tables that tell.
    for (name, sql) in [
        ("marked.db", "PRAGMA application_id = 77;"),
        ("photos.db", "CREATE TABLE photos (name TEXT);"),
    ] {
        let file = directory.path().join(name);
        let raw = rusqlite::Connection::open(&file).unwrap();
        raw.execute_batch(sql).unwrap();
        let before = std::fs::read(&file).unwrap();
        let error = refusal(SqliteOptions::new(&file)).await;
        says(&error, &[name, "another program", "file of its own"]);
        assert_eq!(std::fs::read(&file).unwrap(), before, "left as it was");
    }
}

#[tokio::test]
async fn a_directory_that_does_not_exist() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("no/such/place/store.db");
    let error = refusal(SqliteOptions::new(&file)).await;
    assert!(matches!(error, StoreError::Unavailable { .. }), "{error:?}");
    says(&error, &["no/such/place", "does not exist"]);
}

#[tokio::test]
async fn a_file_that_another_program_keeps_locked() {
    let (_directory, file) = store_with_three_events().await;
    let raw = rusqlite::Connection::open(&file).unwrap();
    raw.execute_batch("BEGIN IMMEDIATE").unwrap();
    let options = SqliteOptions::new(&file).busy_timeout(Duration::from_millis(50));

    // It opens, because there is nothing to write; the append fails, and goes through once the lock is
    // gone.
    let store = SqliteStore::open_with(options).await.unwrap();
    let error = store.append(placed(9, "{}")).await.unwrap_err();
    assert!(matches!(error, StoreError::Locked { .. }) && error.is_transient(), "{error:?}");
    assert_eq!(store.head().await.unwrap(), Position::new(3), "readers are not held up");
    raw.execute_batch("ROLLBACK").unwrap();
    assert_eq!(store.append(placed(9, "{}")).await.unwrap().position, Position::new(4));

    // A fresh one is to be written at once.
    let fresh = file.with_file_name("fresh.db");
    let raw = rusqlite::Connection::open(&fresh).unwrap();
    raw.execute_batch("PRAGMA journal_mode = wal; BEGIN IMMEDIATE").unwrap();
    let options = SqliteOptions::new(&fresh).busy_timeout(Duration::from_millis(50));
    let error = refusal(options.migration_timeout(Duration::from_millis(50))).await;
    assert!(matches!(error, StoreError::Locked { .. }), "{error:?}");
    says(&error, &["fresh.db", "locked", "busy_timeout"]);
}

#[tokio::test]
async fn a_disk_that_is_full() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("store.db");
    let store = SqliteStore::open_with(SqliteOptions::new(&file).max_bytes(400_000)).await.unwrap();
    let big = format!("\"{}\"", "x".repeat(20_000));
    let mut written = 0;
    let error = loop {
        match store.append(placed(written, &big)).await {
            Ok(appended) => {
                written += 1;
                assert_eq!(appended.position.get(), written);
                assert!(written < 100, "the limit holds");
            }
            Err(error) => break error,
        }
    };
    assert!(matches!(error, StoreError::Full { .. }) && error.is_transient(), "{error:?}");
    says(&error, &["store.db", "no room", "nothing was written"]);
    assert!(!error.may_have_written());
    let page = store.read_log(&LogQuery::after(Position::START)).await.unwrap();
    assert_eq!(page.events.len() as u64, written, "what was acknowledged is there, no more");
    store.close().await;

    // With more room it goes on where it stood.
    let store = SqliteStore::open(&file).await.unwrap();
    let appended = store.append(placed(written, &big)).await.unwrap();
    assert_eq!(appended.position.get(), written + 1);
}

/// Permissions do not hold for root, so the file is opened by a process of a user without them.
#[tokio::test]
async fn a_directory_that_cannot_be_written() {
    use std::os::unix::fs::PermissionsExt;

    let (directory, file) = store_with_three_events().await;
    let mode = |path: &Path, mode| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    mode(&file, 0o444);
    mode(directory.path(), 0o555);
    let child = env!("CARGO_BIN_EXE_crash_child");
    // A copy where anybody can run it.
    let public = tempfile::tempdir().unwrap();
    mode(public.path(), 0o755);
    let copy = public.path().join("crash_child");
    std::fs::copy(child, &copy).unwrap();
    let is_root = Command::new("id").arg("-u").output().unwrap().stdout == b"0\n";
    let mut command = if is_root {
        let mut command = Command::new("setpriv");
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(&copy);
        command
    } else {
        Command::new(&copy)
    };
    let output = command.arg("open").arg(&file).output().expect("setpriv is part of util-linux");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.starts_with("ReadOnly"), "{said} {}", String::from_utf8_lossy(&output.stderr));
    assert!(said.contains("store.db") && said.contains("director"), "{said}");
    mode(directory.path(), 0o755);
    mode(&file, 0o644);
    three_events_are_there(&file).await;
}

#[tokio::test]
async fn a_url_that_names_no_store() {
    for (url, word) in [
        ("postgre://x", "memory:"),
        ("sqlite://", "no file"),
        ("sqlite://a.db?synchronous=sometimes", "sometimes"),
        ("sqlite://a.db?wal=no", "synchronous"),
        ("sqlite://a.db?readers=many", "many"),
        ("sqlite://:memory:", "write `memory:`"),
        ("sqlite://a%2.db", "%25"),
        ("sqlite://a%00.db", "U+0000"),
    ] {
        let error = annals::Annals::open(url).await.err().expect("the URL is refused");
        says(&error, &[word]);
    }
}

#[tokio::test]
async fn a_url_with_odd_characters_and_numbers() {
    let directory = tempfile::tempdir().unwrap();
    let place = directory.path().display();
    let url = format!(
        "sqlite://{place}/my%20dir%3F.db?busy_timeout_ms=18446744073709551615&work_timeout_ms=\
         18446744073709551615&readers=18446744073709551615&wal_bytes=18446744073709551615"
    );
    let store = SqliteStore::open_with(SqliteOptions::parse(&url).unwrap()).await.unwrap();
    store.append(placed(1, "{}")).await.unwrap();
    assert!(directory.path().join("my dir?.db").is_file());
    store.close().await;
}
