//! Several stores in one database, each in a schema of its own, and many that open at once.

use annals::store::{Append, EventStore, StoreError};
use annals::{ExpectedVersion, NewEvent, Payload, PgOptions, PgStore};
use annals_tests::ledger::whole_log;
use annals_tests::postgres::Server;
use annals_tests::writer::stream;
use tokio::task::JoinSet;

use super::place::{Place, open};

fn append() -> Append {
    let event = NewEvent::raw("sample.happened", 1, Payload::from_stored("{}"));
    Append::to(stream("account", "1"), ExpectedVersion::NoStream, vec![event])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stores_do_not_see_each_other() {
    let (one, other) = (Place::shared().await, Place::shared().await);
    let (mine, theirs) = (one.store().await, other.store().await);
    let appended = mine.append(append()).await.expect("the stream is new");
    assert_eq!(theirs.head().await.expect("a head").get(), 0);
    assert!(whole_log(&*theirs).await.is_empty());
    // The same stream, the same position, no conflict.
    let appended_there = theirs.append(append()).await.expect("it is new here as well");
    assert_eq!(appended.position, appended_there.position);
    // Even the same id: what it names is another store's.
    let both = append();
    let (name, events) = (stream("account", "2"), both.streams[0].events.clone());
    for store in [&mine, &theirs] {
        let append = Append::to(name.clone(), ExpectedVersion::NoStream, events.clone());
        assert!(!store.append(append).await.expect("it is new").repeated);
    }
    for store in [mine, theirs] {
        assert_eq!(whole_log(&*store).await.len(), 2);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_that_are_more_than_a_name_are_refused() {
    let place = Place::shared().await;
    let long = "a".repeat(64);
    let names = [
        "",
        "a b",
        "a\"b",
        "a;DROP SCHEMA public",
        "a--",
        "a.b",
        "Ä",
        "A",
        "1a",
        "pg_mine",
        "a'b",
        "a\\b",
        "a$1",
        "a\0b",
        &long,
    ];
    for name in names {
        let refused = place.options().schema(name);
        assert!(matches!(refused, Err(StoreError::Invalid { .. })), "`{name}`: {refused:?}");
        let url = format!("{}?schema={name}", place.url);
        assert!(PgOptions::parse(&url).is_err(), "`{name}` in a URL");
    }
    let longest = "a".repeat(48);
    assert!(place.options().schema(&longest).is_ok());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_stores_open_at_once_in_an_empty_database() {
    let server = Server::start().await;
    for _ in 0..5 {
        let place = Place::on(&server);
        let mut opening = JoinSet::new();
        for _ in 0..10 {
            opening.spawn(PgStore::connect_with(place.options().pool(2)));
        }
        let mut stores = Vec::new();
        while let Some(opened) = opening.join_next().await {
            stores.push(opened.expect("no panic").expect("every one of them opens"));
        }
        let mut written = 0;
        for store in &stores {
            written += usize::from(store.append(append()).await.is_ok());
        }
        assert_eq!(written, 1, "they share one log");
    }
}

/// A database whose last migration is unknown, or not what this program has, is left alone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_schema_of_another_version_is_not_opened() {
    let place = Place::shared().await;
    open(place.options()).await.close().await;
    let client = place.client().await;
    let migrations = place.name("migrations");

    let sql = format!("UPDATE {migrations} SET checksum = 'another' WHERE version = 1");
    client.batch_execute(&sql).await.expect("the table is ours");
    let refused = PgStore::connect_with(place.options()).await.map(drop);
    assert!(matches!(refused, Err(StoreError::Corrupt { .. })), "{refused:?}");

    let sql = format!("UPDATE {migrations} SET version = 1000 WHERE version = 1");
    client.batch_execute(&sql).await.expect("the table is ours");
    let refused = PgStore::connect_with(place.options()).await.map(drop);
    assert!(matches!(refused, Err(StoreError::Newer { found: 1000, .. })), "{refused:?}");
}

/// As the first migration left it, with data in it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_schema_migrates_to_head() {
    let place = Place::shared().await;
    let store = place.store().await;
    store.append(append()).await.expect("the stream is new");
    let before = whole_log(&*store).await;
    store.close().await;
    let client = place.client().await;
    let undo = format!(
        "DROP FUNCTION {}, {}, {}; DELETE FROM {} WHERE version > 1",
        place.name("advance"),
        place.name("append_one"),
        place.name("append_batch"),
        place.name("migrations")
    );
    client.batch_execute(&undo).await.expect("they are there");

    let store = place.store().await;
    assert_eq!(whole_log(&*store).await, before);
    let event = append().streams[0].events.clone();
    let second = Append::to(stream("account", "2"), ExpectedVersion::NoStream, event);
    let appended = store.append(second).await.expect("it can append again");
    assert_eq!(appended.position.get(), 2);
}
