//! The files, and that they are what they should be.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use annals::outbox::MemoryBroker;
use annals::{Annals, NewEvent, StreamId};
use annals_tests::bank::AccountEvent;
use serde_json::{Value, json};

use super::*;
use crate::cli::command::annals;
use crate::cli::program::deposit;
use crate::outbox::Accounts;

const MESSAGE: &str = "accounts-out.bank.account.moved.v1";

fn path(directory: &Path) -> &str {
    directory.to_str().expect("its name is text")
}

/// A program that has published an account and a deposit, and what it has sent.
async fn told(site: &Site) -> (Annals, Vec<Message>) {
    let broker = MemoryBroker::default();
    let mut came = broker.watch();
    let program = publish(site, Accounts, Arc::new(broker.clone())).await;
    let opened = AccountEvent::Opened { owner: "ann".to_owned() };
    let opened = NewEvent::of(&opened).expect("it can be written");
    let stream = StreamId::parse("account-1").expect("a good name");
    let append = annals::store::Append::to(stream, annals::ExpectedVersion::Any, vec![opened]);
    program.append(append).await.expect("it is appended");
    deposit(&program, 1, &[500]).await;
    let all = within("three messages", came.wait_for(|came| *came == 3)).await.map(|came| *came);
    assert_eq!(all.expect("the broker is there"), 3);
    (program, broker.messages("accounts"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_is_told_to_others() {
    Site::each(async |site| {
        let site = site.made();
        let store = site.name();
        let (program, messages) = told(&site).await;
        let directory = tempfile::tempdir().expect("there is room");
        // It is made.
        let out = directory.path().join("a/b");
        let export = ["schema", "export", "--out", path(&out)];
        let said = annals(&store, &export).ok();
        assert!(said.contains("3 files, of which 3 are new"), "{said}");
        program.shutdown().await;

        let exported = files(&out);
        let (opened, moved) =
            ("public/bank.account.opened.v1.json", "public/bank.account.moved.v1.json");
        assert_eq!(exported.keys().collect::<Vec<_>>(), ["asyncapi.json", moved, opened]);
        let schema = json(&exported[moved]);
        assert_eq!(schema["$id"], "urn:annals:schema:bank.account.moved:1");
        let checks = json_schema(&exported[moved]);
        assert!(
            checks.is_valid(&json!({ "cents": 5 })) && !checks.is_valid(&json!({ "cents": "5" }))
        );
        json_schema(&exported[opened]);

        let document = json(&exported["asyncapi.json"]);
        assert_eq!(mistakes(&document), Vec::<String>::new());
        let mut broken = document.clone();
        broken["operations"]["accounts-out.accounts"]["action"] = "shout".into();
        assert!(!mistakes(&broken).is_empty(), "the official schema looks at what we write");
        assert_eq!(document["info"], json!({ "title": "/bank", "version": "1" }));
        assert_eq!(
            document["servers"],
            json!({ "memory": { "host": "memory", "protocol": "memory" } })
        );
        let sent = &document["channels"]["accounts"]["messages"];
        assert_eq!(sent.as_object().map(|sent| sent.len()), Some(2), "{sent}");

        // What was sent is what is described.
        let described = payloads_of(&document, MESSAGE);
        let bodies: Vec<Value> = messages
            .iter()
            .map(|message| serde_json::from_slice(&message.body).expect("it is JSON"))
            .collect();
        let fits: Vec<bool> = bodies.iter().map(|body| described.is_valid(body)).collect();
        assert_eq!(fits, [false, true, true], "opened, and twice moved: {bodies:?}");
        let mut wrong = bodies[2].clone();
        wrong["data"]["cents"] = "much".into();
        assert!(!described.is_valid(&wrong), "{wrong}");

        assert_eq!(annals(&store, &["schema", "export"]).json(), document);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_export_writes_over_nothing_unasked() {
    Site::each(async |site| {
        let site = site.made();
        let store = site.name();
        told(&site).await.0.shutdown().await;
        let directory = tempfile::tempdir().expect("there is room");
        let [first, second] = ["first", "second"].map(|name| directory.path().join(name));
        let export = |out: &Path, more: &[&str]| {
            let mut arguments = vec!["schema", "export", "--private", "--json", "--out", path(out)];
            arguments.extend(more);
            annals(&store, &arguments)
        };
        let exported = export(&first, &[]).json();
        let before = files(&first);
        let names: Vec<&String> = before.keys().collect();
        assert_eq!(exported["files"], json!(names));
        assert_eq!(exported["written"], names.len());
        for name in ["private/account.opened.v1.json", "private/account.deposited.v1.json"] {
            json_schema(&before[name]);
        }

        export(&second, &[]).ok();
        assert_eq!(files(&second), before, "byte by byte");
        assert_eq!(export(&first, &[]).json()["written"], 0);

        let mine = first.join("asyncapi.json");
        fs::write(&mine, "{}").expect("it can be written");
        let said = export(&first, &[]).failed(5);
        assert!(said.contains("asyncapi.json") && said.contains("--overwrite"), "{said}");
        assert_eq!(fs::read_to_string(&mine).expect("it is there"), "{}");
        assert_eq!(export(&first, &["--overwrite"]).json()["written"], 1);
        assert_eq!(files(&first), before);

        // A file stands where the directory should be.
        let said = export(&mine, &[]).failed(5);
        assert!(said.contains("cannot be written") && said.contains(path(&mine)), "{said}");
        let said = export(Path::new("/proc/nowhere"), &[]).failed(5);
        assert!(said.contains("cannot be written") && said.contains("/proc/nowhere"), "{said}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_tells_nothing_says_so() {
    Site::each(async |site| {
        let site = site.made();
        let store = site.name();
        let said = annals(&store, &["schema", "list"]).ok();
        assert!(said.contains("no event has a schema here"), "{said}");
        let said = annals(&store, &["schema", "export"]).failed(1);
        assert!(said.contains("a program that publishes by it has started"), "{said}");
        let said = annals(&store, &["schema", "export", "--route", "letters"]).failed(1);
        assert!(said.contains("`letters`"), "{said}");
        annals(&store, &["schema", "export", "--private"]).failed(2);
    })
    .await;
}
