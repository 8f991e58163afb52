//! What the server, its roles and its databases say to who comes in.

use std::time::{Duration, Instant};

use annals::store::{Append, EventStore, StoreError, TransactExt};
use annals::{ExpectedVersion, NewEvent, Payload, PgOptions, PgStore};
use annals_tests::ledger::whole_log;
use annals_tests::postgres::{Server, with_database};
use annals_tests::writer::stream;

use super::crowd::PATIENCE;
use super::place::Place;
use super::tables::{items, page, put_items};

fn append() -> Append {
    let event = NewEvent::raw("order.placed", 1, Payload::from_stored("{}"));
    Append::to(stream("order", "1"), ExpectedVersion::Any, vec![event])
}

async fn refused(url: &str) -> StoreError {
    PgStore::connect(url).await.map(drop).expect_err(url)
}

/// In the server's own words, and at once where waiting does not help.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_says_why() {
    let server = Server::start().await;
    server.psql("CREATE ROLE crowded LOGIN CONNECTION LIMIT 0").await;
    let as_role = |role: &str| server.url().replace("annals@", &format!("{role}@"));

    let began = Instant::now();
    for (url, words) in [
        (as_role("nobody"), "role \"nobody\" does not exist"),
        (with_database(&server.url(), "nowhere"), "database \"nowhere\" does not exist"),
    ] {
        let error = refused(&url).await;
        assert!(matches!(error, StoreError::Denied { .. }), "{error:?}");
        assert!(!error.is_transient() && error.to_string().contains(words), "{error}");
    }
    // Connecting is tried again for ten seconds where that may help.
    assert!(began.elapsed() < Duration::from_secs(8), "after {:?}", began.elapsed());

    for (url, words) in [
        (format!("{}?connect_retry_ms=1", as_role("crowded")), "too many connections for role"),
        ("postgres://127.0.0.1:1/x?connect_retry_ms=1".to_owned(), "refused"),
    ] {
        let error = refused(&url).await;
        assert!(matches!(error, StoreError::Unavailable { .. }), "{error:?}");
        assert!(error.is_transient() && error.to_string().contains(words), "{error}");
    }

    let store = PgStore::connect(&server.url()).await.expect("the server is there");
    let cut = store.transact_with(|transaction| {
        let sql = "SELECT pg_terminate_backend(pg_backend_pid())::text";
        Box::pin(async move { transaction.query(sql, &[]).await })
    });
    let text = cut.await.expect_err("the session is over").to_string();
    assert!(text.contains("terminating connection"), "{text}");
    assert!(!text.contains("db error"), "{text}");
}

/// A role's or a database's defaults are for others: a store brings its own.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_roles_defaults_do_not_matter() {
    let server = Server::start().await;
    server
        .psql(
            "ALTER ROLE annals SET default_transaction_isolation = 'serializable';
             ALTER ROLE annals SET default_transaction_read_only = on;
             ALTER DATABASE postgres SET default_transaction_deferrable = on",
        )
        .await;
    let url = format!("{}?schema=order&pool=4", server.url());
    let store = PgStore::connect(&url).await.expect("the schema's name is a word of SQL");
    for _ in 0..3 {
        store.append(append()).await.expect("it may write");
    }
    assert_eq!(whole_log(&store).await.len(), 3);
    put_items(&store, &items("items__1"), 2).await;
    assert_eq!(page(&store, 10, 0).await.expect("a page").len(), 2);
    let isolation = store
        .transact_with(|transaction| {
            let sql = "SELECT current_setting('transaction_isolation')";
            Box::pin(async move { transaction.query(sql, &[]).await })
        })
        .await;
    let isolation = isolation.expect("it can be asked");
    assert_eq!(isolation, [[annals::table::Value::Text("read committed".to_owned())]]);
    let increments: Vec<_> = (0..8)
        .map(|_| {
            let store = store.clone();
            tokio::spawn(async move {
                let work = store.transact_with(|transaction| {
                    Box::pin(async {
                        let n = transaction.state("n").await?.map_or(0, |n| n.parse().unwrap_or(0));
                        transaction.put_state("n", &(n + 1).to_string()).await
                    })
                });
                work.await
            })
        })
        .collect();
    for increment in increments {
        increment.await.expect("no panic").expect("they wait for each other");
    }
}

/// Who starts while another process migrates waits for it, longer than for a lock.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_waits_for_a_migration() {
    let place = Place::shared().await;
    let client = place.client().await;
    let lock = format!("hashtextextended('annals migrations {}', 0)", place.schema);
    let take = format!("SELECT pg_advisory_lock({lock})");
    client.batch_execute(&take).await.expect("nobody migrates");
    let impatient = place.options().lock_timeout(Duration::from_millis(100));
    let opening = tokio::spawn(PgStore::connect_with(impatient));
    let watcher = place.client().await;
    let waiting =
        "SELECT coalesce(max(extract(epoch FROM clock_timestamp() - waitstart)), 0)::float8
                   FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
                   AND (classid::bigint << 32 | objid::bigint) = ";
    let waiting = format!("{waiting}{lock}");
    let watch = async {
        // Until it has waited for longer than it would for a lock.
        while watcher.query_one(&waiting, &[]).await.expect("locks can be seen").get::<_, f64>(0)
            < 0.3
        {
            assert!(!opening.is_finished(), "it waits");
        }
    };
    tokio::time::timeout(PATIENCE, watch).await.expect("it waits");
    client.batch_execute(&format!("SELECT pg_advisory_unlock({lock})")).await.expect("it is held");
    opening.await.expect("no panic").expect("its turn has come");
}

/// A limit of nothing is not taken for none.
#[tokio::test]
async fn a_limit_of_nothing_is_refused() {
    let options = PgOptions::parse("postgres://localhost/x").expect("a good URL");
    for options in [
        options.clone().statement_timeout(Duration::ZERO),
        options.clone().lock_timeout(Duration::ZERO),
        options.clone().queue_timeout(Duration::MAX),
        options.connect_retry(Duration::MAX),
    ] {
        let error = PgStore::connect_with(options).await.map(drop).expect_err("it is no limit");
        assert!(matches!(error, StoreError::Invalid { .. }), "{error:?}");
    }
}

/// Nothing is sent to another machine before somebody has said how.
#[tokio::test]
async fn another_machine_needs_a_word_about_encryption() {
    let error = refused("postgres://u:p@db.example.com/x").await;
    let text = error.to_string();
    assert!(matches!(error, StoreError::Invalid { .. }) && text.contains("verify-full"), "{text}");
}
