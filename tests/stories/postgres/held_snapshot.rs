//! A snapshot that is held anywhere in the database, by a report or a forgotten `BEGIN`, keeps the dead
//! versions of whatever is updated. Appends update nothing, so neither they nor readers slow down.

use std::time::Duration;

use annals::ExpectedVersion;
use annals::store::{Append, EventStore};
use annals::{NewEvent, Payload, PgStore};
use annals_tests::writer::stream;
use tokio_postgres::SimpleQueryMessage;

use super::place::Place;

const PATIENCE: Duration = Duration::from_secs(120);

/// Enough for the versions of a row that every append updates to fill several pages.
const APPENDS: usize = 1_500;

/// Pages that one look at the end of a log of this size needs at the most, its index included.
const LOOK_PAGES: u64 = 8;

async fn append(store: &PgStore) {
    let event = NewEvent::raw("order.placed", 1, Payload::from_stored("{}"));
    let append = Append::to(stream("order", "1"), ExpectedVersion::Any, vec![event]);
    store.append(append).await.expect("an append without expectations succeeds");
}

/// The size of everything in the schema but the log itself.
async fn bytes_beside_the_log(place: &Place, client: &tokio_postgres::Client) -> i64 {
    let sql = "SELECT coalesce(sum(pg_total_relation_size(c.oid)), 0)::bigint
               FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
               WHERE n.nspname = $1 AND c.relkind = 'r' AND c.relname <> 'events'";
    client.query_one(sql, &[&place.schema]).await.expect("sizes can be asked for").get(0)
}

/// How many pages a statement looks at.
pub(crate) async fn pages(client: &tokio_postgres::Client, sql: &str) -> u64 {
    let explain = format!("EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {sql}");
    let answer = client.simple_query(&explain).await.expect("it can be explained");
    let text = answer.iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => row.get(0),
        _ => None,
    });
    let plan: serde_json::Value =
        serde_json::from_str(text.expect("one row")).expect("the plan is JSON");
    let count = |what: &str| plan[0]["Plan"][what].as_u64().expect("the plan counts pages");
    count("Shared Hit Blocks") + count("Shared Read Blocks")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_slows_nobody_down() {
    tokio::time::timeout(PATIENCE, story()).await.expect("nobody waits for the report");
}

async fn story() {
    let place = Place::shared().await;
    let store = place.store().await;
    append(&store).await;
    let client = place.client().await;
    let report = place.client().await;
    let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM pg_class";
    report.batch_execute(begin).await.expect("a report begins");

    let before = bytes_beside_the_log(&place, &client).await;
    for _ in 0..APPENDS {
        append(&store).await;
    }
    let after = bytes_beside_the_log(&place, &client).await;
    assert_eq!(after, before, "an append writes to the log and to nothing else");

    let head = include_str!("../../../store-pg/sql/statements/read_head.sql");
    client.batch_execute("SET enable_seqscan = off").await.expect("as the appender does");
    let looked_at = pages(&client, &head.replace("annals.", &place.name(""))).await;
    assert!(looked_at <= LOOK_PAGES, "the end of the log is {looked_at} pages away");
    report.batch_execute("COMMIT").await.expect("it was only idle");
}
