//! What a session may keep from one user to the next, and how many sessions there are.

use std::time::Duration;

use annals::PgStore;
use annals::store::{StoreError, TransactExt};
use annals::table::Value;
use annals_tests::postgres::Server;
use tokio::task::JoinSet;

use super::crowd::PATIENCE;
use super::place::{Place, open};
use super::tables::{items, page, put_items};

/// What a session of the store answers.
async fn ask(store: &PgStore, sql: &'static str) -> Result<Value, StoreError> {
    let answer = store.transact_with(move |transaction| {
        Box::pin(async move {
            let rows = transaction.query(sql, &[]).await?;
            Ok(rows.into_iter().flatten().next().unwrap_or(Value::Null))
        })
    });
    answer.await
}

/// Thousands of pages and of statements leave a bounded number of them prepared.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_thousand_pages_leave_few_statements() {
    let place = Place::shared().await;
    let store = open(place.options().pool(1)).await;
    put_items(&store, &items("items__1"), 3).await;
    for n in 0..1_000 {
        assert_eq!(page(&store, 1 + n, 0).await.expect("a page").len() as u32, (1 + n).min(3));
        assert_eq!(
            page(&store, 10, 1 + u64::from(n)).await.expect("a page").len() as u32,
            2u32.saturating_sub(n)
        );
        let statement = store.transact_with(move |transaction| {
            Box::pin(async move { transaction.query(&format!("SELECT {n}"), &[]).await })
        });
        statement.await.expect("a good statement");
    }
    let prepared = ask(&store, "SELECT count(*) FROM pg_prepared_statements").await;
    let prepared = prepared.expect("they can be counted");
    let Value::Integer(prepared) = prepared else { panic!("{prepared:?}") };
    assert!(prepared <= 130, "{prepared} statements are prepared");
}

/// What a user sets, and what a statement once looked like, is not met by the next one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_next_user_finds_a_session_as_it_was() {
    let place = Place::shared().await;
    let store = open(place.options().pool(1)).await;
    for set in [
        "SET application_name = 'mine'",
        "/* a comment */ SET SESSION application_name = 'mine'",
        "SELECT set_config('application_name', 'mine', false)",
    ] {
        ask(&store, set).await.expect("it may be set");
        let name = ask(&store, "SELECT current_setting('application_name')").await;
        assert_eq!(name.expect("a setting"), Value::Text("annals".to_owned()), "after `{set}`");
    }
    let first = ask(&store, "SELECT pg_backend_pid()").await.expect("a process");
    ask(&store, "SET LOCAL application_name = 'mine'").await.expect("it may be set");
    let second = ask(&store, "SELECT pg_backend_pid()").await.expect("a process");
    assert_eq!(first, second, "what ends with its transaction costs no connection");

    let mine = place.name("mine");
    let client = place.client().await;
    client.batch_execute(&format!("CREATE TABLE {mine} AS SELECT 1 AS n")).await.expect("a table");
    assert_eq!(ask(&store, "SELECT * FROM mine").await.expect("a row"), Value::Integer(1));
    let change = format!("ALTER TABLE {mine} ALTER n TYPE text");
    client.batch_execute(&change).await.expect("it may be changed");
    let changed = ask(&store, "SELECT * FROM mine").await.expect("no old plan is in the way");
    assert_eq!(changed, Value::Text("1".to_owned()));
}

/// A read model whose columns have other types than when its reader was prepared.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_prepared_reader_survives_a_change_of_type() {
    let place = Place::shared().await;
    let store = open(place.options().pool(1)).await;
    put_items(&store, &items("items__1"), 2).await;
    assert_eq!(page(&store, 10, 0).await.expect("a page").len(), 2);
    let change = format!(
        "DROP VIEW {items}; ALTER TABLE {items}__1 ALTER name TYPE varchar(10);
         CREATE VIEW {items} AS SELECT * FROM {items}__1",
        items = place.name("items")
    );
    place.client().await.batch_execute(&change).await.expect("it may be changed");
    assert_eq!(page(&store, 10, 0).await.expect("it is prepared anew").len(), 2);
}

/// Callers who give up while a lock is held do not fill the server.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_nobody_waits_for_is_let_go() {
    const POOL: usize = 4;
    let server = Server::start().await;
    let place = Place::on(&server);
    let store = open(place.options().pool(POOL).listen(false)).await;
    put_items(&store, &items("items__1"), 1).await;
    let client = place.client().await;
    let lock = format!("BEGIN; LOCK TABLE {}", place.name("items__1"));
    client.batch_execute(&lock).await.expect("it can be locked");
    let sessions = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'annals'";
    for _ in 0..10 {
        let mut callers = JoinSet::new();
        for _ in 0..16 {
            let store = store.clone();
            callers.spawn(async move {
                let answer = page(&store, 10, 0);
                tokio::time::timeout(Duration::from_millis(100), answer).await.is_err()
            });
        }
        while let Some(gave_up) = callers.join_next().await {
            assert!(gave_up.expect("no panic"), "the table is locked");
        }
        let count: i64 = client.query_one(sessions, &[]).await.expect("they can be seen").get(0);
        // Those that are closed need a moment to end; one more appends.
        assert!(count as usize <= 2 * POOL + 1, "{count} sessions");
    }
    let waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted";
    let all_let_go = async {
        while client.query_one(waiting, &[]).await.expect("locks can be seen").get::<_, i64>(0) > 0
        {
        }
    };
    tokio::time::timeout(PATIENCE, all_let_go).await.expect("they are cancelled");
    client.batch_execute("COMMIT").await.expect("it was only idle");
    assert_eq!(page(&store, 10, 0).await.expect("nobody has it locked").len(), 1);
}
