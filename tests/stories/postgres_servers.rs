//! The servers that other stories break do break, and come back.

use std::time::Duration;

use annals_tests::postgres::{
    Bouncer, Proxy, Server, connect, database_of, drop_schema, fresh_schema, host_of, proxied,
    shared_url, with_database,
};

const INSERT: &str = "INSERT INTO notes VALUES ('kept')";
const COUNT: &str = "SELECT count(*) FROM notes";

async fn notes(url: &str) -> i64 {
    connect(url).await.query_one(COUNT, &[]).await.expect("notes can be counted").get(0)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_keeps_its_data_over_crashes() {
    let mut server = Server::start_with(&[("max_connections", "30")]).await;
    server.psql("CREATE TABLE notes (text text)").await;
    let before = connect(&server.url()).await;
    before.batch_execute(INSERT).await.expect("the server takes it");

    server.stop_immediate();
    assert!(before.batch_execute(INSERT).await.is_err(), "the connection is gone");
    server.start_again().await;
    assert_eq!(notes(&server.url()).await, 1);

    server.psql(INSERT).await;
    server.kill_9();
    server.start_again().await;
    assert_eq!(notes(&server.url()).await, 2);
    let setting = connect(&server.url()).await;
    let row = setting.query_one("SHOW max_connections", &[]).await.expect("a setting");
    assert_eq!(row.get::<_, String>(0), "30");
}

#[tokio::test]
async fn a_server_leaves_nothing_behind() {
    let server = Server::start().await;
    let (directory, url) = (server.directory().to_owned(), server.url());
    assert!(directory.exists());
    drop(server);
    assert!(!directory.exists());
    let refused = tokio::net::TcpStream::connect(host_of(&url)).await;
    assert!(refused.is_err(), "nobody listens any more");
}

#[tokio::test]
async fn the_shared_server_takes_schemas() {
    let url = shared_url().await;
    let schema = fresh_schema();
    assert_ne!(schema, fresh_schema());
    let client = connect(&url).await;
    client.batch_execute(&format!("CREATE SCHEMA {schema}")).await.expect("it is new");
    drop_schema(&url, &schema).expect("nobody uses it");
    client.batch_execute(&format!("CREATE SCHEMA {schema}")).await.expect("it is gone");
    drop_schema(&url, &schema).expect("nobody uses it");
}

#[tokio::test]
async fn a_cut_ends_what_is_open_only() {
    let url = shared_url().await;
    let proxy = Proxy::to(host_of(&url)).await;
    let through = proxied(&url, &proxy);
    let first = connect(&through).await;
    first.batch_execute("SELECT 1").await.expect("it is carried");

    proxy.cut();
    assert!(first.batch_execute("SELECT 1").await.is_err());
    connect(&through).await.batch_execute("SELECT 1").await.expect("a new one works");
    assert_eq!(proxy.connections(), 2);
    proxy.wait_for_connections(2).await;
}

#[tokio::test]
async fn a_lost_reply_leaves_its_effect() {
    let url = shared_url().await;
    let schema = fresh_schema();
    let table = format!("{schema}.notes");
    let direct = connect(&url).await;
    let setup = format!("CREATE SCHEMA {schema}; CREATE TABLE {table} (text text)");
    direct.batch_execute(&setup).await.expect("a fresh schema");
    let proxy = Proxy::to(host_of(&url)).await;
    let client = connect(&proxied(&url, &proxy)).await;

    let happened = proxy.cut_reply_to("marked");
    client.batch_execute("SELECT 'another'").await.expect("not this one");
    let lost = client.batch_execute(&format!("INSERT INTO {table} VALUES ('marked')")).await;
    assert!(lost.is_err());
    happened.await.expect("the proxy says so");
    let row = direct.query_one(&format!("SELECT count(*) FROM {table}"), &[]).await;
    assert_eq!(row.expect("it is readable").get::<_, i64>(0), 1, "the server has done it");

    let client = connect(&proxied(&url, &proxy)).await;
    let happened = proxy.cut_after_bytes_from_server(1_000);
    let long = client.query("SELECT repeat('x', 10000)", &[]).await;
    assert!(long.is_err());
    happened.await.expect("the proxy says so");
    drop_schema(&url, &schema).expect("nobody uses it");
}

#[tokio::test]
async fn a_frozen_network_says_nothing() {
    let url = shared_url().await;
    let proxy = Proxy::to(host_of(&url)).await;
    let client = connect(&proxied(&url, &proxy)).await;

    proxy.freeze();
    let mut query = std::pin::pin!(client.batch_execute("SELECT 1"));
    // Nothing can be waited for where nothing comes.
    let answer = tokio::time::timeout(Duration::from_millis(200), query.as_mut()).await;
    assert!(answer.is_err(), "no answer and no error");
    proxy.thaw();
    query.await.expect("what was held is carried on");

    proxy.refuse();
    let refused = tokio_postgres::connect(&proxied(&url, &proxy), tokio_postgres::NoTls).await;
    assert!(refused.is_err());
    proxy.accept();
    proxy.delay(Duration::from_millis(50));
    let start = std::time::Instant::now();
    client.batch_execute("SELECT 1").await.expect("slow, but whole");
    assert!(start.elapsed() >= Duration::from_millis(50));
}

#[tokio::test]
async fn a_pooler_gives_each_transaction_some_connection() {
    let server = Server::start().await;
    let bouncer = Bouncer::to(&server.url(), 1).await;
    let first = connect(bouncer.url()).await;
    let second = connect(bouncer.url()).await;
    let pid = "SELECT pg_backend_pid()::text";
    let mut pids = Vec::new();
    for client in [&first, &second] {
        // Without preparing, which outlives a transaction.
        let rows = client.simple_query(pid).await.expect("it answers");
        let found = rows.iter().find_map(|message| match message {
            tokio_postgres::SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
            _ => None,
        });
        pids.push(found.expect("a row"));
    }
    assert_eq!(pids[0], pids[1], "two clients share the one connection");
}

#[test]
fn urls_come_apart() {
    let url = "postgres://ann:secret@db.example:5433/bank?schema=a&pool=3";
    assert_eq!(host_of(url), "db.example:5433");
    assert_eq!(host_of("postgres://ann@db.example/bank"), "db.example:5432");
    assert_eq!(database_of(url), "bank");
    let other = "postgres://ann:secret@db.example:5433/shop?schema=a&pool=3";
    assert_eq!(with_database(url, "shop"), other);
}
