//! An export that is imported into an empty store and exported again is the same file, byte by byte.

use std::sync::Arc;

use annals::store::{Append, Store};
use annals::{
    CloudEvent, ExpectedVersion, Metadata, NewEvent, Payload, RegisteredSchema, StreamId,
};
use annals_testkit::whole_log;

use super::command::{annals, annals_reading};
use super::site::Site;

fn stream(name: &str) -> StreamId {
    StreamId::parse(name).expect("a good name")
}

fn event(event_type: &str, payload: impl Into<std::sync::Arc<str>>) -> NewEvent {
    NewEvent::raw(event_type, 1, Payload::from_stored(payload))
}

/// What may stand in a store, and hardly ever does.
async fn fill(store: &Arc<dyn Store>) {
    let schema = |name: &str, version, schema: &str| RegisteredSchema {
        event_type: name.to_owned(),
        version,
        family: (version == 1).then(|| "order".to_owned()),
        schema: schema.to_owned(),
    };
    let schemas = [
        schema("order.placed", 1, r#"{"description":"\"é\" 😀","type":"object"}"#),
        schema("order.placed", 2, r#"{"type":["object","null"]}"#),
        schema("order.never", 1, r#"{"type":"object"}"#),
    ];
    store.register_schemas(&schemas).await.expect("they are new");
    let put = async |name: &str, events: Vec<NewEvent>| {
        let append = Append::to(stream(name), ExpectedVersion::Any, events);
        store.append(append).await.expect("it is appended");
    };
    put("order-1", vec![event("order.placed", "{}")]).await;
    let quotes = r#"{ "b" : 1.50, "a":"it's \"quoted\" \\ \n \u00e9 é 😀 <&>", "n": 12345678901234567890123 }"#;
    put("order-é 'x' \"y\"", vec![event("order.placed", quotes)]).await;
    put("cart-😀", vec![event("cart.filled", "null"), event("cart.filled", "[1e400]")]).await;
    let large = format!("{{\"text\":\"{}\"}}", "é\\\"😀".repeat(150_000));
    assert!(large.len() > 1_000_000);
    put("order-1", vec![event("order.placed", large)]).await;
    let mut of_before = event("order.placed", "{}");
    of_before.schema_version = 2;
    of_before.metadata = Metadata {
        source: Some("/annals/é?x=1".to_owned()),
        correlation_id: Some("flow \"1\"".to_owned()),
        causation_id: Some("command 7".to_owned()),
        traceparent: Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned()),
        actor: Some("ann\t😀".to_owned()),
        custom: [("k \"1\"".to_owned(), "v\n".to_owned())].into(),
        ..Metadata::default()
    };
    put("order-2", vec![of_before.occurred_at("1969-07-20T20:17:40.000001Z".parse().unwrap())])
        .await;
    let foreign: CloudEvent = serde_json::from_str(
        r#"{"specversion":"1.0","id":"A-1","source":"/shop","type":"order.placed","subject":"s",
            "datacontenttype":"application/vnd.shop+json","dataschema":"https://x/y","shopweight":1.25,
            "shopflag":true,"data":{"lines":3}}"#,
    )
    .expect("it is a CloudEvent");
    put("order-3", vec![foreign.to_new_event().expect("it is JSON")]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_export_comes_back_byte_by_byte() {
    Site::each(async |site| {
        let (first, second) = (site.made(), Site::sqlite().made());
        let (store, copy) = (first.store().await, second.store().await);
        fill(&store).await;
        let exported = annals(&first.name(), &["export"]).ok();
        assert_eq!(exported.lines().count(), 2 + 7, "two schemas that were used, and the events");
        let imported = annals_reading(&second.name(), &["import", "--json"], exported.as_bytes());
        let counts = imported.json();
        assert_eq!((&counts["written"], &counts["schemas"]), (&7.into(), &2.into()), "{counts}");
        assert!(annals(&second.name(), &["export"]).ok() == exported, "the copy differs");
        assert_eq!(whole_log(&*copy).await, whole_log(&*store).await);

        // From one kind of database to the other and back.
        let third = first.another().made();
        annals_reading(&third.name(), &["import", "-"], exported.as_bytes()).ok();
        assert!(annals(&third.name(), &["export"]).ok() == exported, "the second copy differs");

        // A second time, nothing is new.
        let again = annals_reading(&second.name(), &["import", "--json"], exported.as_bytes());
        let counts = again.json();
        assert_eq!((&counts["written"], &counts["present"]), (&0.into(), &7.into()));
        assert!(annals(&second.name(), &["export"]).ok() == exported);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_part_of_a_log_is_a_log_elsewhere() {
    Site::each(async |site| {
        let (first, orders, one) = (site.made(), Site::sqlite().made(), Site::sqlite().made());
        fill(&first.store().await).await;
        let part = annals(&first.name(), &["export", "--category", "order"]).ok();
        assert_eq!(part.lines().count(), 2 + 5);
        annals_reading(&orders.name(), &["import"], part.as_bytes()).ok();
        assert!(annals(&orders.name(), &["export"]).ok() == part);
        let stream = annals(&first.name(), &["export", "--stream", "order-1"]).ok();
        assert_eq!(stream.lines().count(), 1 + 2);
        annals_reading(&one.name(), &["import"], stream.as_bytes()).ok();
        assert!(annals(&one.name(), &["export"]).ok() == stream);
        // Into a store that has others: they keep their place, and these come behind them.
        annals_reading(&orders.name(), &["import"], stream.as_bytes()).ok();
        assert!(annals(&orders.name(), &["export"]).ok() == part);
        let carts = annals(&first.name(), &["export", "--category", "cart"]).ok();
        annals_reading(&orders.name(), &["import"], carts.as_bytes()).ok();
        assert_eq!(annals(&orders.name(), &["head", "--json"]).json()["position"], 7);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_payload_of_several_lines_is_a_line() {
    let (first, second) = (Site::sqlite().made(), Site::sqlite().made());
    let pretty = event("order.placed", "{\r\n  \"a\": \"\\n\",\n\t\"b\": [\n]}");
    let append = Append::to(stream("order-1"), ExpectedVersion::Any, vec![pretty]);
    first.store().await.append(append).await.expect("it is appended");
    let exported = annals(&first.name(), &["export"]).ok();
    assert_eq!(exported.lines().count(), 1);
    annals_reading(&second.name(), &["import"], exported.as_bytes()).ok();
    assert_eq!(annals(&second.name(), &["export"]).ok(), exported);
    // It says the same, so that the first store knows it again.
    let again = annals_reading(&first.name(), &["import", "--json"], exported.as_bytes()).json();
    assert_eq!(again["present"], 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_appears_when_it_is_whole() {
    let site = Site::sqlite().made();
    fill(&site.store().await).await;
    let directory = tempfile::tempdir().expect("there is room");
    let file = directory.path().join("log.ndjson");
    let name = file.to_str().expect("a plain name");
    annals(&site.name(), &["export", "--out", name]).ok();
    let written = std::fs::read_to_string(&file).expect("it is there");
    assert_eq!(written, annals(&site.name(), &["export"]).ok());
    assert_eq!(std::fs::read_dir(directory.path()).expect("it is there").count(), 1);
    // Not by mistake a second time.
    assert!(annals(&site.name(), &["export", "--out", name]).failed(5).contains("--overwrite"));
    annals(&site.name(), &["export", "--out", name, "--overwrite", "--stream", "order-2"]).ok();
    assert_eq!(std::fs::read_to_string(&file).expect("it is there").lines().count(), 2);
    // A failure leaves what was there.
    let gone = ["export", "--out", name, "--overwrite", "--stream", "order-none"];
    annals(&site.name(), &gone).failed(1);
    assert_eq!(std::fs::read_to_string(&file).expect("it is there").lines().count(), 2);
    assert_eq!(std::fs::read_dir(directory.path()).expect("it is there").count(), 1);
}
