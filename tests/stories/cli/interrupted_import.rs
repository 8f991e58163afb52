//! An import is killed, again and again; run once more it goes on, and nothing is doubled or lost.

use std::fmt::Write;
use std::time::{Duration, Instant};

use annals_tests::random::Random;

use super::command::{annals, command};
use super::site::Site;

const EVENTS: u64 = 8_000;

/// A history of a hundred streams, each event with a time of its own.
fn history() -> String {
    let mut text = String::new();
    for n in 0..EVENTS {
        let (stream, version, second) = (n % 100, n / 100 + 1, n % 60);
        let (minute, hour) = (n / 60 % 60, n / 3_600);
        let time = format!("2026-01-02T{hour:02}:{minute:02}:{second:02}Z");
        writeln!(
            text,
            r#"{{"specversion":"1.0","id":"01900000-0000-7000-8000-{n:012x}","source":"/annals","type":"order.changed","subject":"order-{stream}","time":"{time}","datacontenttype":"application/json","dataschema":"urn:annals:schema:order.changed:1","data":{{"n":{n}}},"recordedat":"{time}","streamversion":"{version}"}}"#
        )
        .expect("a text takes everything");
    }
    text
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_import_goes_on() {
    let history = history();
    let directory = tempfile::tempdir().expect("there is room");
    let file = directory.path().join("history.ndjson");
    std::fs::write(&file, &history).expect("there is room");
    let name = file.to_str().expect("a plain name");
    Site::each(async |site| {
        let site = site.made();
        let store = site.store().await;
        let mut random = Random::new(7);
        let (mut killed, mut before) = (0, 0);
        for _ in 0..4 {
            let mut child = command(&site.name(), &["import", name]).spawn().expect("it starts");
            // As soon as it has written something, and at some moment after that.
            let end = Instant::now() + Duration::from_secs(30);
            while store.head().await.expect("a head").get() == before && Instant::now() < end {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            tokio::time::sleep(Duration::from_millis(random.below(20))).await;
            child.kill().expect("it can be killed");
            killed += usize::from(child.wait().expect("it has ended").code().is_none());
            before = store.head().await.expect("a head").get();
            if before == EVENTS {
                break;
            }
        }
        assert!(killed > 0, "it was interrupted at least once");
        let last = annals(&site.name(), &["import", "--json", name]).json();
        assert_eq!(last["events"], EVENTS);
        assert!(last["present"].as_u64() >= Some(before), "{last}");
        assert!(annals(&site.name(), &["export"]).ok() == history, "something is doubled or lost");
    })
    .await;
}
