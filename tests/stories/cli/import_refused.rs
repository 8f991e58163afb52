//! A line that cannot be taken in ends an import with its number and the reason, and everything before it
//! is stored.

use serde_json::{Value, json};

use super::command::{annals, annals_reading};
use super::site::Site;

/// The line of an event.
fn line(stream: &str, version: u64, data: &Value) -> String {
    let id = format!("00000000-0000-7000-8000-{:012x}", fingerprint(stream) ^ version);
    json!({
        "specversion": "1.0", "id": id, "source": "/annals", "type": "order.placed",
        "subject": stream, "time": "2026-01-02T03:04:05Z", "datacontenttype": "application/json",
        "dataschema": "urn:annals:schema:order.placed:1", "data": data,
        "recordedat": "2026-01-02T03:04:06Z", "streamversion": version.to_string(),
    })
    .to_string()
}

fn fingerprint(stream: &str) -> u64 {
    stream.bytes().fold(7, |sum, byte| (sum * 31 + u64::from(byte)) & 0xff_ffff_ffff) << 8
}

fn schema(schema: &str) -> String {
    let data = json!({"type": "order.placed", "version": 1, "family": null, "schema": schema});
    json!({"specversion": "1.0", "id": "s", "source": "/annals", "type": "annals.schema", "data": data})
        .to_string()
}

fn good(count: u64) -> Vec<String> {
    (1..=count).map(|version| line("order-1", version, &json!({"n": version}))).collect()
}

/// Each on an empty store; `before` events are stored, and the message holds these words.
async fn refused(lines: Vec<String>, number: usize, before: u64, words: &str) {
    Site::each(async |site| {
        let site = site.made();
        let directory = tempfile::tempdir().expect("there is room");
        let file = directory.path().join("bad.ndjson");
        std::fs::write(&file, lines.join("\n") + "\n").expect("there is room");
        let name = file.to_str().expect("a plain name");
        let error = annals(&site.name(), &["import", name]).failed(4);
        assert!(error.contains(&format!("{name}:{number}: ")), "{error}");
        assert!(error.contains(words), "`{words}` is not in: {error}");
        assert!(error.contains(&format!("{before} events before it are stored")), "{error}");
        assert_eq!(annals(&site.name(), &["head", "--json"]).json()["position"], before);
        // Corrected, it goes on.
        let corrected = lines[..number - 1].join("\n");
        let again = annals_reading(&site.name(), &["import", "--json"], corrected.as_bytes());
        assert_eq!(again.json()["present"], before);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_cloudevent() {
    let mut lines = good(5);
    lines.insert(3, r#"{"specversion":"1.0","id":"#.to_owned());
    refused(lines, 4, 3, "no CloudEvent in JSON").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_not_exported() {
    let mut lines = good(2);
    lines.push(r#"{"specversion":"1.0","id":"1","source":"/x","type":"a","data":{}}"#.to_owned());
    refused(lines, 3, 2, "lacks the attribute").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_nul_in_a_payload() {
    let mut lines = good(1_500);
    lines[1_203] = line("order-1", 1_204, &json!({"name": "a\u{0}b"}));
    refused(lines, 1_204, 1_203, "U+0000").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_that_is_not_the_next_of_its_stream() {
    let mut lines = good(40);
    lines.remove(20);
    refused(lines, 21, 20, "version 22 of stream `order-1`, which ends at version 20").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_id_with_another_content() {
    let mut lines = good(3);
    let twice = lines[1].replace(r#""streamversion":"2""#, r#""streamversion":"4""#);
    lines.push(twice);
    // Within one batch, too.
    refused(lines, 4, 3, "already").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_payload_that_does_not_fit_its_schema() {
    let mut lines = vec![schema(r#"{"type":"object","properties":{"n":{"type":"integer"}}}"#)];
    lines.extend(good(3));
    lines.push(line("order-1", 4, &json!({"n": "secret"})));
    refused(lines.clone(), 5, 3, "at `/n`").await;
    let site = Site::sqlite().made();
    let text = lines.join("\n");
    let error = annals_reading(&site.name(), &["import"], text.as_bytes()).failed(4);
    assert!(!error.contains("secret"), "what may be personal is not shown: {error}");
    let taken = annals_reading(&site.name(), &["import", "--unchecked", "--json"], text.as_bytes());
    assert_eq!(taken.json()["unchecked"], 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_schema_that_does_not_fit_the_stores() {
    Site::each(async |site| {
        let site = site.made();
        let narrow = schema(r#"{"type":"object","properties":{"n":{"type":"integer"}}}"#);
        let first = [narrow, good(1).remove(0)].join("\n");
        annals_reading(&site.name(), &["import"], first.as_bytes()).ok();
        // What accepts more takes its place.
        let wider =
            r#"{"type":"object","properties":{"n":{"type":"integer"},"m":{"type":"string"}}}"#;
        let second = [schema(wider), good(2).remove(1)].join("\n");
        annals_reading(&site.name(), &["import"], second.as_bytes()).ok();
        assert!(annals(&site.name(), &["export"]).ok().contains(r#"\"m\""#));
        let other = schema(r#"{"type":"object","properties":{"n":{"type":"string"}}}"#);
        let third = [other, line("order-1", 3, &json!({"n": "x"}))].join("\n");
        let error = annals_reading(&site.name(), &["import"], third.as_bytes()).failed(4);
        assert!(error.contains("standard input:1: `order.placed` version 1"), "{error}");
    })
    .await;
}
