//! Read models change under people who have been given rights on them, have built on them, or are
//! reading them.

use std::time::{Duration, Instant};

use annals::PgStore;
use annals::store::{StoreError, TransactExt};
use annals::table::{ColumnSpec, ColumnType, TableSpec};
use annals_tests::postgres::Server;

use super::place::{Place, open};
use super::tables::{items, page, put_items};

/// With a column in front of the others, so that a view cannot be replaced.
fn wider(name: &str) -> TableSpec {
    let columns = vec![
        ColumnSpec::new("id", ColumnType::Integer, false),
        ColumnSpec::new("kind", ColumnType::Text, false),
        ColumnSpec::new("name", ColumnType::Text, false),
    ];
    TableSpec::new(name, columns, vec![0], vec![])
}

async fn switch(store: &PgStore, to: TableSpec, old: &'static str) -> Result<(), StoreError> {
    let switch = store.transact_with(move |transaction| {
        let to = to.clone();
        Box::pin(async move {
            transaction.create_table(&to).await?;
            transaction.point_view("items", &to).await?;
            transaction.drop_table(old).await
        })
    });
    switch.await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn grants_outlive_a_switch() {
    let server = Server::start().await;
    server.psql("CREATE ROLE reader LOGIN; CREATE ROLE \"Odd one\" LOGIN").await;
    let place = Place::on(&server);
    let store = place.store().await;
    put_items(&store, &items("items__1"), 1).await;
    let client = place.client().await;
    let view = place.name("items");
    let grant = format!(
        "GRANT SELECT ON {view} TO reader; GRANT SELECT ON {view} TO \"Odd one\" WITH GRANT OPTION"
    );
    client.batch_execute(&grant).await.expect("the owner grants");
    let may = |role: &str, right: &str| {
        let sql = format!("SELECT has_table_privilege('{role}', '{view}', '{right}')");
        let client = &client;
        async move { client.query_one(&sql, &[]).await.expect("it can be asked").get::<_, bool>(0) }
    };
    let generations = [
        (items("items__2"), "items__1"),
        (wider("items__3"), "items__2"),
        (items("items__4"), "items__3"),
    ];
    for (to, old) in generations {
        let name = to.name.clone();
        switch(&store, to, old).await.expect("nobody is in the way");
        assert!(may("reader", "SELECT").await, "after the switch to {name}");
        assert!(may("Odd one", "SELECT WITH GRANT OPTION").await, "after the switch to {name}");
        assert!(!may("reader", "INSERT").await);
    }
}

/// What a user has built on a read model stays where it can; otherwise it is named.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_view_of_the_users_is_kept_or_named() {
    let place = Place::shared().await;
    let store = place.store().await;
    put_items(&store, &items("items__1"), 1).await;
    let client = place.client().await;
    let report = place.name("monthly_report");
    let build = format!("CREATE VIEW {report} AS SELECT name FROM {}", place.name("items"));
    client.batch_execute(&build).await.expect("a view on a view");

    switch(&store, items("items__2"), "items__1").await.expect("the columns fit");
    let count = format!("SELECT count(*) FROM {report}");
    let count: i64 = client.query_one(&count, &[]).await.expect("it is still there").get(0);
    assert_eq!(count, 0, "it shows the new generation");

    let error = switch(&store, wider("items__3"), "items__2").await.expect_err("they do not fit");
    let text = error.to_string();
    assert!(matches!(error, StoreError::Invalid { .. }), "{error:?}");
    assert!(text.contains("monthly_report") && !text.contains("CASCADE"), "{text}");
    assert_eq!(page(&store, 10, 0).await.expect("the old generation serves").len(), 0);
    client.batch_execute(&format!("DROP VIEW {report}")).await.expect("it is the user's");
    switch(&store, wider("items__3"), "items__2").await.expect("nothing is in the way");
}

/// A table that something depends on is not dropped with it, and nobody is told to.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_table_in_use_is_not_dropped_with_its_users() {
    let place = Place::shared().await;
    let store = place.store().await;
    put_items(&store, &items("items__1"), 1).await;
    let dropped = store
        .transact_with(|transaction| Box::pin(async { transaction.drop_table("items__1").await }));
    let text = dropped.await.expect_err("the view shows it").to_string();
    assert!(text.contains("view") && text.contains("items__1"), "{text}");
    assert!(!text.contains("CASCADE"), "{text}");
    assert_eq!(page(&store, 10, 0).await.expect("nothing has happened").len(), 1);
}

/// A long report makes a switch fail soon, with its name, and nobody else wait for long.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_report_does_not_stop_the_others() {
    let place = Place::shared().await;
    let store = open(place.options().lock_timeout(Duration::from_secs(10))).await;
    put_items(&store, &items("items__1"), 1).await;
    let client = place.client().await;
    let view = place.name("items");
    let report = format!("SET application_name = 'report'; BEGIN; SELECT * FROM {view}");
    client.batch_execute(&report).await.expect("it may read");
    let pid: i32 = client.query_one("SELECT pg_backend_pid()", &[]).await.unwrap().get(0);

    let switching = tokio::spawn({
        let store = store.clone();
        async move {
            let began = Instant::now();
            (switch(&store, items("items__2"), "items__1").await, began.elapsed())
        }
    });
    let mut longest = Duration::ZERO;
    while !switching.is_finished() {
        let began = Instant::now();
        page(&store, 10, 0).await.expect("readers go on");
        longest = longest.max(began.elapsed());
    }
    let (refused, after) = switching.await.expect("no panic");
    let error = refused.expect_err("the report is not at its end");
    let text = error.to_string();
    assert!(matches!(error, StoreError::Locked { .. }) && error.is_transient(), "{error:?}");
    assert!(text.contains(&format!("process {pid}")) && text.contains("report"), "{text}");
    // Without a limit of its own the change waits for ten seconds, and readers behind it.
    assert!(after < Duration::from_secs(7), "it failed after {after:?}");
    assert!(longest < Duration::from_secs(5), "a reader waited for {longest:?}");

    client.batch_execute("COMMIT").await.expect("it was only idle");
    switch(&store, items("items__2"), "items__1").await.expect("nobody reads");
}
