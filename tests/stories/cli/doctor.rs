//! The doctor finds what is wrong, says how bad it is, and what to do.

use annals::store::Append;
use annals::{ExpectedVersion, NewEvent, Payload, RegisteredSchema, SqliteStore, StreamId};
use annals_tests::postgres::connect;
use serde_json::Value;

use super::command::annals;
use super::site::Site;

/// The finding of a check, and the exit code.
fn look(site: &Site, check: &str, more: &[&str]) -> (Value, i32) {
    let ended = annals(&site.name(), &[&["doctor", "--json"], more].concat());
    let report = ended.json();
    let findings = report["findings"].as_array().expect("a list");
    let mut of = findings.iter().filter(|finding| finding["check"] == check);
    let worst = of.clone().find(|finding| finding["severity"] != "ok");
    let finding = worst.or_else(|| of.next()).unwrap_or_else(|| panic!("no {check} in {report}"));
    (finding.clone(), ended.code)
}

fn severity(finding: &Value) -> &str {
    finding["severity"].as_str().expect("a text")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_was_just_made_is_well() {
    Site::each(async |site| {
        let (finding, code) = look(&site, "migrations", &[]);
        assert_eq!((severity(&finding), code), ("bad", 1), "there is none yet");
        let site = site.made();
        for full in [&[][..], &["--full"]] {
            let ended = annals(&site.name(), &[&["doctor", "--json"], full].concat());
            let report = ended.json();
            assert_eq!(ended.code, 0, "{report}");
            // A server that others use may have findings of its own.
            let own = ["migrations", "indexes", "history", "payloads", "integrity", "positions"];
            for finding in report["findings"].as_array().expect("a list") {
                let is_own = own.iter().any(|check| finding["check"] == *check);
                assert!(!is_own || severity(finding) == "ok", "{finding}");
            }
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_names_the_holder_of_a_long_transaction() {
    let site = Site::postgres().await.made();
    let Site::Postgres(place) = &site else { unreachable!("it is PostgreSQL") };
    let client = connect(&place.url).await;
    client
        .batch_execute("SET application_name = 'a report'; BEGIN; SELECT 1")
        .await
        .expect("a transaction begins");
    let pid: i32 =
        client.query_one("SELECT pg_backend_pid()", &[]).await.expect("it has a process").get(0);
    let ended = annals(&site.name(), &["doctor", "--json", "--long-transaction", "0.01"]);
    let report = ended.json();
    let findings = report["findings"].as_array().expect("a list");
    let ours = findings.iter().find(|finding| finding["facts"]["pid"] == pid);
    let ours = ours.unwrap_or_else(|| panic!("process {pid} is not in {report}"));
    assert_eq!(ours["check"], "long_transaction");
    assert_ne!(severity(ours), "ok");
    assert_eq!(ours["facts"]["application"], "a report");
    assert_eq!(ours["facts"]["state"], "idle in transaction");
    assert!(ours["facts"]["age_seconds"].as_f64() > Some(0.0));
    let advice = ours["advice"].as_str().expect("there is something to do");
    assert!(advice.contains(&format!("pg_terminate_backend({pid})")), "{advice}");
    let (what, words) = (ours["what"].as_str().expect("a text"), [&pid.to_string(), "a report"]);
    assert!(words.iter().all(|word| what.contains(*word)), "{what}");
    client.batch_execute("ROLLBACK").await.expect("it ends");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_names_who_keeps_the_log_locked() {
    let site = Site::postgres().await.made();
    let Site::Postgres(place) = &site else { unreachable!("it is PostgreSQL") };
    let client = place.client().await;
    client.batch_execute("SET application_name = 'a writer'").await.expect("a name");
    place.lock_log(&client).await;
    tokio::time::sleep(std::time::Duration::from_millis(1_100)).await;
    let (finding, _) = look(&site, "log_lock", &[]);
    assert_eq!(severity(&finding), "warn");
    assert_eq!(finding["facts"]["application"], "a writer");
    client.batch_execute("ROLLBACK").await.expect("it ends");
    assert_eq!(severity(&look(&site, "log_lock", &[]).0), "ok");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn indexes_and_guards_that_are_gone_are_bad() {
    let site = Site::postgres().await.made();
    let Site::Postgres(place) = &site else { unreachable!("it is PostgreSQL") };
    let client = place.client().await;
    let events = place.name("events");
    let sql = format!("ALTER TABLE {events} DISABLE TRIGGER events_refuse_change");
    client.batch_execute(&sql).await.expect("the owner may");
    let (finding, code) = look(&site, "history", &[]);
    assert_eq!((severity(&finding), code), ("bad", 1));
    let advice = finding["advice"].as_str().expect("there is something to do");
    client.batch_execute(advice).await.expect("the advice helps");
    assert_eq!(look(&site, "history", &[]).1, 0);
    let sql = format!("DROP INDEX {}", place.name("events_by_id"));
    client.batch_execute(&sql).await.expect("the owner may");
    let (finding, code) = look(&site, "indexes", &[]);
    assert_eq!((severity(&finding), code), ("bad", 1));
    assert_eq!(finding["facts"]["missing"][0], "events_by_id");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn payloads_that_do_not_fit_are_shown_without_their_values() {
    Site::each(async |site| {
        let site = site.made();
        let store = site.store().await;
        let schema = RegisteredSchema {
            event_type: "order.placed".to_owned(),
            version: 1,
            family: None,
            schema: r#"{"type":"object","properties":{"n":{"type":"integer"}}}"#.to_owned(),
        };
        store.register_schemas(&[schema]).await.expect("it is new");
        let payloads = [r#"{"n":1}"#, r#"{"n":"secret"}"#, "[]"].map(Payload::from_stored);
        let events = payloads.map(|payload| NewEvent::raw("order.placed", 1, payload)).to_vec();
        let stream = StreamId::parse("order-1").expect("a good name");
        let append = Append::to(stream, ExpectedVersion::Any, events);
        store.append(append).await.expect("the store does not look at schemas");
        let (finding, code) = look(&site, "payloads", &[]);
        assert_eq!((severity(&finding), code), ("bad", 1));
        assert_eq!(finding["facts"]["misfits"], 2);
        let what = finding["what"].as_str().expect("a text");
        assert!(what.contains("event 2 of `order-1`") && what.contains("/n"), "{what}");
        assert!(!what.contains("secret"), "{what}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_file_is_bad() {
    let site = Site::sqlite().made();
    let Site::Sqlite(directory) = &site else { unreachable!("it is a file") };
    let file = directory.path().join("story.db");
    {
        let connection = rusqlite::Connection::open(&file).expect("it opens");
        let sql = "DROP INDEX annals_events_by_id; DROP TRIGGER annals_events_refuse_delete;";
        connection.execute_batch(sql).expect("anybody may");
    }
    let (finding, code) = look(&site, "indexes", &[]);
    assert_eq!((severity(&finding), code), ("bad", 1));
    let missing = finding["facts"]["missing"].to_string();
    assert!(missing.contains("events_by_id") && missing.contains("refuse_delete"), "{missing}");
    // A page in the middle of the file is overwritten.
    let mut bytes = std::fs::read(&file).expect("it can be read");
    let middle = bytes.len() / 2 / 4_096 * 4_096;
    bytes[middle..middle + 512].fill(0xff);
    std::fs::write(&file, bytes).expect("it can be written");
    let ended = annals(&site.name(), &["doctor", "--json"]);
    assert_eq!(ended.code, 1, "{}{}", ended.out, ended.err);
    assert_eq!(severity(&look(&site, "integrity", &[]).0), "bad");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tables_of_another_build_are_bad() {
    let site = Site::sqlite().made();
    let Site::Sqlite(directory) = &site else { unreachable!("it is a file") };
    let file = directory.path().join("story.db");
    let change = |sql: &str| {
        let connection = rusqlite::Connection::open(&file).expect("it opens");
        connection.execute_batch(sql).expect("anybody may");
    };
    change("INSERT INTO annals_migrations VALUES (99, 'later', 'x', 0)");
    let (finding, code) = look(&site, "migrations", &[]);
    assert_eq!((severity(&finding), code), ("bad", 1));
    assert_eq!(finding["facts"]["unknown"][0], 99);
    assert!(SqliteStore::open(&file).await.is_err());
    annals(&site.name(), &["head"]).failed(3);
    change(
        "DELETE FROM annals_migrations WHERE version = 99; UPDATE annals_migrations SET checksum = 'x'",
    );
    assert_eq!(look(&site, "migrations", &[]).0["facts"]["changed"][0], 1);
}
