//! Whose word counts when several programs and routes tell of one store.

use std::sync::Arc;

use annals::outbox::MemoryBroker;
use serde_json::{Value, json};

use super::*;
use crate::cli::command::annals;
use crate::cli::program::deposit;
use crate::outbox::Accounts;

fn memory() -> Arc<dyn Publisher> {
    Arc::new(MemoryBroker::default())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn types_and_routes_are_listed() {
    Site::each(async |site| {
        let site = site.made();
        let store = site.name();
        let program = publish(&site, Accounts, memory()).await;
        deposit(&program, 1, &[1]).await;
        let shown = annals(&store, &["schema", "list"]).ok();
        let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        let lines: Vec<Vec<String>> = shown.lines().map(words).collect();
        assert_eq!(lines[0], ["TYPE", "VERSION", "KIND", "ROUTES", "PLACES"]);
        let private = ["account.deposited", "1", "private"];
        assert!(lines.iter().any(|line| *line == private), "{shown}");
        let public = ["bank.account.opened", "1", "public", "accounts-out", "accounts"];
        assert!(lines.iter().any(|line| *line == public), "{shown}");
        let listed = annals(&store, &["schema", "list", "--json"]).json_lines();
        let expected = json!({
            "type": "bank.account.moved", "version": 1, "public": true,
            "routes": ["accounts-out"], "places": ["accounts"],
        });
        assert!(listed.contains(&expected), "{listed:?}");
        program.shutdown().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_newest_program_has_the_word() {
    Site::each(async |site| {
        let site = site.made();
        let document = || annals(&site.name(), &["schema", "export"]).json();
        publish(&site, Accounts, memory()).await.shutdown().await;
        assert_eq!(document()["info"]["version"], "1");
        publish(&site, NewerAccounts, memory()).await.shutdown().await;
        let newer = document();
        assert_eq!(mistakes(&newer), Vec::<String>::new());
        assert_eq!(newer["info"]["version"], "2");
        let messages = newer["components"]["messages"].as_object().expect("an object");
        let newest = ["moved", "opened"].map(|name| format!("accounts-out.bank.account.{name}.v2"));
        assert_eq!(messages.keys().cloned().collect::<Vec<_>>(), newest);
        // The older one is started once more, on some other machine.
        publish(&site, Accounts, memory()).await.shutdown().await;
        assert_eq!(document(), newer);

        let directory = tempfile::tempdir().expect("there is room");
        let out = directory.path().to_str().expect("its name is text");
        annals(&site.name(), &["schema", "export", "--out", out]).ok();
        let exported = files(directory.path());
        // Messages of the version before may still be on their way. What `opened` was, nobody knows any more.
        let schemas = ["moved.v1", "moved.v2", "opened.v2"];
        let schemas = schemas.map(|name| format!("public/bank.account.{name}.json"));
        assert_eq!(exported.keys().skip(1).cloned().collect::<Vec<_>>(), schemas);
        for schema in &schemas {
            json_schema(&exported[schema]);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn routes_that_contradict_each_other_are_named() {
    Site::each(async |site| {
        let site = site.made();
        let store = site.name();
        publish(&site, Accounts, memory()).await.shutdown().await;
        publish(&site, Audit, memory()).await.shutdown().await;
        let said = annals(&store, &["schema", "export", "--json"]).failed(4);
        let said: Value = json(&said);
        assert_eq!((&said["error"], &said["exit_code"]), (&json!("refused"), &json!(4)));
        let message = said["message"].as_str().expect("it is text");
        assert!(message.contains("`accounts-out` and `audit-out`"), "{message}");
        let one = [
            "schema",
            "export",
            "--route",
            "audit-out",
            "--title",
            "Audit",
            "--api-version",
            "7.1",
        ];
        let document = annals(&store, &one).json();
        assert_eq!(mistakes(&document), Vec::<String>::new());
        assert_eq!(document["info"], json!({ "title": "Audit", "version": "7.1" }));
        let channels = document["channels"].as_object().expect("an object");
        assert_eq!(channels.keys().collect::<Vec<_>>(), ["audit"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_file_has_a_password() {
    Site::each(async |site| {
        let site = site.made();
        let store = site.name();
        let program = publish(&site, NewerAccounts, Arc::new(Talkative)).await;
        let directory = tempfile::tempdir().expect("there is room");
        let out = directory.path().to_str().expect("its name is text");
        annals(&store, &["schema", "export", "--private", "--out", out]).ok();
        let listed = annals(&store, &["schema", "list", "--json"]).ok();
        let kept = site.store().await.state("outbox/accounts-out").await;
        let kept = kept.expect("it can be read").expect("it is there");
        let exported = files(directory.path());
        for text in exported.values().chain([&listed, &kept]) {
            assert!(!text.contains("hunter2"), "{text}");
        }
        let document = json(&exported["asyncapi.json"]);
        assert_eq!(mistakes(&document), Vec::<String>::new());
        assert_eq!(
            document["servers"]["nats"],
            json!({ "host": "10.0.0.7:4222", "protocol": "nats" })
        );
        assert_eq!(document["servers"]["nats-2"]["host"], "10.0.0.8:4222");
        let message = &document["components"]["messages"]["accounts-out.bank.account.moved.v2"];
        assert_eq!(message["headers"]["properties"]["ce-source"]["const"], "/bank");
        program.shutdown().await;
    })
    .await;
}
