//! A relay whose broker is down: the operator sees since when its breaker is open, and until when.

use std::time::Duration;

use annals::Annals;
use annals::Timestamp;
use annals::outbox::MemoryBroker;
use annals_tests::bank::AccountEvent;
use serde_json::Value;

use super::command::annals;
use super::program::{deposit, is_live, options, until};
use super::site::Site;
use crate::outbox::{Accounts, shared};

/// What stands behind a word in a text, up to the comma or the bracket.
fn time_behind(text: &str, word: &str) -> Timestamp {
    let (_, rest) = text.split_once(word).unwrap_or_else(|| panic!("no `{word}` in {text}"));
    let time = rest.split([',', ')']).next().unwrap_or_default();
    time.parse().unwrap_or_else(|error| panic!("`{time}` in {text}: {error}"))
}

/// Why the one part waits that has something to send.
fn reason(status: &Value) -> &str {
    let parts = status["partitions"].as_array().expect("a list");
    parts.iter().find_map(|part| part["reason"].as_str()).unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_open_breaker_is_seen() {
    Site::each(async |site| {
        let site = site.made();
        let broker = MemoryBroker::default();
        let program = Annals::on_shared(site.store().await).events::<AccountEvent>();
        let program = program.publish(Accounts, shared(&broker)).engine_options(options());
        let begun = Timestamp::now();
        let program = program.start().await.expect("it starts");
        until(&site, "accounts-out", is_live).await;
        broker.go_down("the cable is cut");
        deposit(&program, 1, &[1]).await;

        let opened = until(&site, "accounts-out", |status| reason(status).contains("open")).await;
        let said = reason(&opened);
        assert!(said.starts_with("waiting for memory:: the cable is cut (breaker open"), "{said}");
        let since = time_behind(said, "breaker open since ");
        let second = Duration::from_secs(1);
        assert!(since >= begun - second && since <= Timestamp::now() + second, "{said}");
        assert!(time_behind(said, ", until ") >= since, "{said}");
        let shown = annals(&site.name(), &["outbox", "status"]);
        assert_eq!(shown.code, 1, "{}", shown.out);
        assert!(shown.out.contains(&format!("breaker open since {since}")), "{}", shown.out);

        // It has tried again meanwhile, and is open since the same moment.
        let later = until(&site, "accounts-out", |status| {
            reason(status).contains(", until ") && reason(status) != said
        });
        let later = later.await;
        assert_eq!(time_behind(reason(&later), "breaker open since "), since, "{later}");
        broker.come_up();
        until(&site, "accounts-out", is_live).await;
        assert_eq!(broker.messages("accounts").len(), 1);
        program.shutdown().await;
    })
    .await;
}
