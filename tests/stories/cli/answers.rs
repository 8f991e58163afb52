//! What commands answer: exit codes for scripts, JSON for programs, words for people.

use annals::store::Append;
use annals::{ExpectedVersion, Metadata, NewEvent, Payload, StreamId};

use super::command::{Ended, annals};
use super::site::Site;

async fn made(site: Site) -> Site {
    let site = site.made();
    let store = site.store().await;
    for (stream, count) in [("order-1", 3), ("order-2", 1), ("cart-1", 2)] {
        let events = (1..=count).map(|n| {
            let payload = Payload::from_stored(format!(r#"{{"n": {n}, "text": "\u009b2J é"}}"#));
            let mut event = NewEvent::raw(format!("{}.changed", &stream[..4]), 1, payload);
            event.metadata =
                Metadata { correlation_id: Some(format!("flow-{n}")), ..Metadata::default() };
            event
        });
        let stream = StreamId::parse(stream).expect("a good name");
        let append = Append::to(stream, ExpectedVersion::Any, events.collect());
        store.append(append).await.expect("it is appended");
    }
    site
}

fn positions(ended: &Ended) -> Vec<u64> {
    ended.json_lines().iter().map(|event| event["position"].as_u64().expect("a number")).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn exit_codes_tell_scripts_what_happened() {
    Site::each(async |site| {
        // Not a word of what is not there is made.
        for arguments in
            [&["head"][..], &["export"], &["streams", "list"], &["import", "/dev/null"]]
        {
            assert!(annals(&site.name(), arguments).failed(3).contains("annals migrate"));
        }
        if let Site::Sqlite(directory) = &site {
            let made = std::fs::read_dir(directory.path()).expect("it is there").count();
            assert_eq!(made, 0, "only `migrate` makes a file");
        }
        let site = made(site).await;
        let store = site.name();
        annals(&store, &["head"]).ok();
        annals(&store, &["streams", "list", "--category", "none"]).ok();
        assert!(annals(&store, &["streams", "show", "order-9"]).failed(1).contains("order-9"));
        assert!(
            annals(&store, &["streams", "show", "order-1", "--from", "9"])
                .failed(1)
                .contains("versions")
        );
        annals(&store, &["events", "show", "99"]).failed(1);
        annals(&store, &["events", "show", "00000000-0000-7000-8000-000000000000"]).failed(1);
        annals(&store, &["events", "search", "--type", "order.none"]).failed(1);
        annals(&store, &["export", "--stream", "order-9"]).failed(1);
        for wrong in [
            &["events", "show", "x"][..],
            &["streams", "show", "order"],
            &["events", "search", "--since", "yesterday"],
            &["bogus"],
            &["head", "--bogus"],
        ] {
            annals(&store, wrong).failed(2);
        }
        annals("", &["head"]).failed(2);
        annals(&store, &["import", "/nowhere.ndjson"]).failed(5);
    })
    .await;
    annals("postgres://nobody@127.0.0.1:1/nothing", &["head"]).failed(3);
    annals("/nowhere/at/all.db", &["head"]).failed(3);
    for help in [&["--help"][..], &["--version"], &["streams", "tail", "--help"], &["man"]] {
        assert!(!annals("", help).ok().is_empty());
    }
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        assert!(annals("", &["completions", shell]).ok().contains("annals"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn json_is_for_programs() {
    Site::each(async |site| {
        let again = ["migrate", "--json"];
        let first = annals(&site.name(), &again).json();
        assert!(first["applied_now"].as_u64() > Some(0), "{first}");
        assert_eq!(annals(&site.name(), &again).json()["applied_now"], 0);
        let site = made(site).await;
        let store = site.name();
        assert_eq!(annals(&store, &["--json", "head"]).json()["position"], 6);
        let streams = annals(&store, &["streams", "list", "--json"]);
        let listed: Vec<_> = streams
            .json_lines()
            .iter()
            .map(|one| {
                (one["stream"].to_string(), one["version"].as_u64(), one["position"].as_u64())
            })
            .collect();
        let stream =
            |name: &str, version, position| (format!("\"{name}\""), Some(version), Some(position));
        assert_eq!(
            listed,
            [stream("cart-1", 2, 6), stream("order-1", 3, 3), stream("order-2", 1, 4)]
        );
        let after = ["streams", "list", "--json", "--after", "cart-1", "--limit", "1"];
        assert_eq!(annals(&store, &after).json()["stream"], "order-1");

        assert_eq!(
            positions(&annals(&store, &["streams", "show", "order-1", "--json"])),
            [1, 2, 3]
        );
        let show = ["streams", "show", "order-1", "--json", "--backward", "--from", "2"];
        assert_eq!(positions(&annals(&store, &show)), [2, 1]);
        let show = ["streams", "show", "order-1", "--json", "--from", "2", "--limit", "1"];
        assert_eq!(positions(&annals(&store, &show)), [2]);

        let event = annals(&store, &["events", "show", "5", "--json"]).json();
        assert_eq!((&event["stream"], &event["version"]), (&"cart-1".into(), &1.into()));
        assert_eq!((&event["type"], &event["schema_version"]), (&"cart.changed".into(), &1.into()));
        assert_eq!(
            (&event["payload"]["n"], &event["metadata"]["correlation_id"]),
            (&1.into(), &"flow-1".into())
        );
        for time in ["recorded_at", "occurred_at"] {
            let text = event[time].as_str().expect("a time");
            assert!(text.ends_with('Z') && text.parse::<annals::Timestamp>().is_ok(), "{text}");
        }
        let id = event["id"].as_str().expect("an id");
        assert_eq!(annals(&store, &["events", "show", id, "--json"]).json(), event);

        let doctor = annals(&store, &["doctor", "--json"]).json();
        let findings = doctor["findings"].as_array().expect("a list");
        for finding in findings {
            for field in ["check", "severity", "what", "advice", "facts"] {
                assert!(finding.get(field).is_some(), "{field} is missing in {finding}");
            }
        }
        let error = annals(&store, &["events", "show", "99", "--json"]).failed(1);
        let error: serde_json::Value = serde_json::from_str(&error).expect("it is JSON");
        assert_eq!((&error["error"], &error["exit_code"]), (&"not_there".into(), &1.into()));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_search_finds_what_it_is_asked_for() {
    Site::each(async |site| {
        let site = made(site).await;
        let store = site.name();
        let log = annals(&store, &["streams", "tail", "--json"]).json_lines();
        let time = |nth: usize| log[nth]["recorded_at"].as_str().expect("a time").to_owned();
        let search = |arguments: &[&str]| {
            let found = annals(&store, &[&["events", "search", "--json"], arguments].concat());
            assert!(found.code <= 1, "{}", found.err);
            positions(&found)
        };
        assert_eq!(search(&[]), [1, 2, 3, 4, 5, 6]);
        assert_eq!(search(&["--type", "cart.changed"]), [5, 6]);
        assert_eq!(search(&["--category", "order", "--limit", "2"]), [1, 2]);
        assert_eq!(search(&["--category", "order", "--after", "2"]), [3, 4]);
        assert_eq!(search(&["--stream", "order-1", "--text", "\"n\": 2"]), [2]);
        assert_eq!(search(&["--correlation", "flow-2"]), [2, 6]);
        assert_eq!(search(&["--text", "no such text"]), [0; 0]);
        // The three events of the first append share a time, and so on.
        assert_eq!(search(&["--since", &time(3)]), [4, 5, 6]);
        assert_eq!(search(&["--until", &time(3)]), [1, 2, 3]);
        assert_eq!(search(&["--since", &time(3), "--until", &time(4)]), [4]);
        assert_eq!(search(&["--stream", "cart-1", "--since", &time(5)]), [5, 6]);
        assert_eq!(search(&["--since", "2000-01-01", "--until", "2001-01-01"]), [0; 0]);
        let more = annals(&store, &["events", "search", "--limit", "2"]);
        assert!(more.err.contains("--after 2"), "{}", more.err);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_terminal_would_obey_is_written_out() {
    let site = Site::sqlite().made();
    let payload = Payload::from_stored("{\"a\":\"\u{9b}2J\u{202e}\u{7f}\"}");
    let event = NewEvent::raw("order.\u{1b}[31m", 1, payload);
    let stream = StreamId::parse("order-1").expect("a good name");
    let append = Append::to(stream, ExpectedVersion::Any, vec![event]);
    site.store().await.append(append).await.expect("it is appended");
    for arguments in
        [&["streams", "show", "order-1"][..], &["events", "show", "1"], &["streams", "tail"]]
    {
        let shown = annals(&site.name(), arguments).ok();
        assert!(!shown.contains(['\u{1b}', '\u{9b}', '\u{202e}', '\u{7f}']), "{shown:?}");
        assert!(shown.contains(r"\u{1b}[31m") && shown.contains(r"\u009b2J"), "{shown}");
    }
}
