//! Consumers are seen and steered with none of their code.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use annals::EngineOptions;
use annals::prelude::*;
use annals_tests::bank::AccountEvent;

use super::command::annals;
use super::program::{
    PATIENCE, Totals, count, counts, deposit, is_live, options, start, status, until,
};
use super::site::Site;

fn mended() -> Arc<AtomicBool> {
    Arc::new(AtomicBool::new(true))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pause_outlives_everything() {
    Site::each(async |site| {
        let site = site.made();
        let program = start(&site, &mended()).await;
        deposit(&program, 1, &[1, 1]).await;
        counts(&program, 1, 2).await;
        let pause = ["consumers", "pause", "tills", "--who", "ada", "--why", "the disk is full"];
        assert_eq!(annals(&site.name(), &pause).ok(), "tills: paused\n");
        deposit(&program, 1, &[1]).await;
        program.shutdown().await;
        let program = start(&site, &mended()).await;
        deposit(&program, 1, &[1]).await;
        tokio::time::sleep(Duration::from_secs(2)).await;
        assert_eq!(count(&program, 1).await, 2);
        // It is as somebody wanted it.
        let shown = annals(&site.name(), &["consumers", "status", "tills"]).ok();
        assert!(shown.contains("paused by ada: the disk is full"), "{shown}");
        assert!(shown.contains("2 events behind"), "{shown}");
        assert_eq!(status(&site, "tills")["lag"]["events"], 2);
        let findings = annals(&site.name(), &["doctor", "--json"]).json();
        assert!(findings.to_string().contains("annals consumers resume"), "{findings}");
        assert_eq!(
            annals(&site.name(), &["consumers", "resume", "tills"]).ok(),
            "tills: resumed\n"
        );
        counts(&program, 1, 4).await;
        until(&site, "tills", is_live).await;
        let requests = annals(&site.name(), &["requests", "list", "--json"]).json_lines();
        let verbs: Vec<_> = requests.iter().map(|request| &request["verb"]).collect();
        assert_eq!(verbs, ["resume", "pause"]);
        assert_eq!((&requests[1]["who"], &requests[1]["state"]), (&"ada".into(), &"done".into()));
        program.shutdown().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn exit_codes_say_whether_something_is_in_trouble() {
    Site::each(async |site| {
        let site = site.made();
        let store = site.name();
        assert!(annals(&store, &["consumers", "list"]).ok().contains("no program"));
        assert!(annals(&store, &["members"]).ok().contains("no process"));
        annals(&store, &["consumers", "status"]).ok();
        annals(&store, &["consumers", "status", "tills"]).failed(1);
        let mended = Arc::new(AtomicBool::new(false));
        let program = start(&site, &mended).await;
        deposit(&program, 1, &[1]).await;
        until(&site, "tills", is_live).await;
        annals(&store, &["consumers", "status"]).ok();
        assert!(annals(&store, &["consumers", "list"]).ok().contains("live"));
        let members = annals(&store, &["members", "--json"]).json();
        assert_eq!((&members["label"], &members["alive"]), (&"the-till".into(), &true.into()));
        assert_eq!(members["consumers"]["tills"], 1);
        assert!(annals(&store, &["consumers", "status", "till"]).failed(1).contains("tills"));
        // A parked key is trouble.
        deposit(&program, 2, &[13]).await;
        until(&site, "tills", |status| status["parked_keys"] == 1).await;
        let shown = annals(&store, &["consumers", "status", "tills"]);
        assert_eq!(shown.code, 1, "{}", shown.out);
        assert!(shown.out.contains("1 keys are parked"), "{}", shown.out);
        mended.store(true, Ordering::SeqCst);
        annals(&store, &["parked", "retry", "tills", "--all"]).ok();
        until(&site, "tills", is_live).await;
        annals(&store, &["consumers", "status", "tills"]).ok();
        // So is one that nobody works on.
        program.shutdown().await;
        let shown = annals(&store, &["consumers", "status"]);
        assert_eq!(shown.code, 1, "{}", shown.out);
        assert!(shown.out.contains("nobody works on part 0"), "{}", shown.out);
        let doctor = annals(&store, &["doctor"]).ok();
        assert!(doctor.contains("no member is alive that has `tills` at version 1"), "{doctor}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_takes_a_request() {
    Site::each(async |site| {
        let site = site.made();
        let store = site.name();
        let pause = ["consumers", "pause", "tills", "--timeout", "0.3"];
        assert!(annals(&store, &pause).failed(1).contains("no program has run one"));
        start(&site, &mended()).await.shutdown().await;
        let said = annals(&store, &pause).failed(6);
        assert!(said.contains("no member is alive that has `tills` at version 1"), "{said}");
        // Somebody is there who does not have it.
        let others = Annals::on_shared(site.store().await).events::<AccountEvent>();
        let others = others.project(Totals).engine_options(options()).start().await.unwrap();
        let said = annals(&store, &pause).failed(6);
        assert!(said.contains("`the-till` does not have it"), "{said}");
        let later = annals(&store, &["consumers", "resume", "tills", "--no-wait"]).ok();
        let open = annals(&store, &["requests", "list", "--open", "--json"]).json_lines();
        assert_eq!(open.len(), 3);
        let show = ["requests", "show", later.trim(), "--json"];
        assert_eq!(annals(&store, &show).json()["state"], "open");
        // They are carried out when somebody comes who can, in the order they were asked.
        let program = start(&site, &mended()).await;
        let end = Instant::now() + PATIENCE;
        while annals(&store, &["requests", "list", "--open"]).ok() != "there are none\n" {
            assert!(Instant::now() < end, "nobody carries them out");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let resumed = annals(&store, &show).json();
        assert_eq!((&resumed["state"], &resumed["answer"]), (&"done".into(), &"resumed".into()));
        deposit(&program, 1, &[1]).await;
        counts(&program, 1, 1).await;
        program.shutdown().await;
        others.shutdown().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rebuild_is_asked_for() {
    Site::each(async |site| {
        let site = site.made();
        let store = site.name();
        let program = start(&site, &mended()).await;
        for account in 1..=20 {
            deposit(&program, account, &[1; 5]).await;
        }
        until(&site, "tills", is_live).await;
        let said = annals(&store, &["consumers", "rebuild", "tills", "--dry-run"]).ok();
        assert!(
            said.contains("begins generation 2") && said.contains("takes 100 of them"),
            "{said}"
        );
        assert!(
            said.contains("`tills` has 20 rows; 20 rows come of it; every event fits"),
            "{said}"
        );
        assert_eq!(status(&site, "tills")["partitions"].as_array().map(Vec::len), Some(4));
        let said = annals(&store, &["consumers", "rebuild", "tills", "--key", "20"]).ok();
        assert_eq!(said, "tills: `20` was made anew from 5 events\n");
        let both = ["consumers", "rebuild", "tills", "--key", "20", "--dry-run"];
        annals(&store, &both).failed(2);
        let rebuilt = annals(&store, &["consumers", "rebuild", "tills", "--json"]).json();
        assert_eq!((&rebuilt["state"], &rebuilt["verb"]), (&"done".into(), &"rebuild".into()));
        let status = until(&site, "tills", is_live).await;
        assert_eq!(status["generation"], 2);
        assert_eq!(count(&program, 20).await, 5);
        assert!(annals(&store, &["consumers", "cancel", "tills"]).failed(4).contains("no rebuild"));
        annals(&store, &["consumers", "rollback", "tills"]).failed(4);
        assert!(
            annals(&store, &["consumers", "drop-previous", "tills"]).failed(2).contains("--why")
        );
        let drop = ["consumers", "drop-previous", "tills", "--why", "the new one is right"];
        annals(&store, &drop).ok();
        program.shutdown().await;
    })
    .await;
}

/// Runs a program for a moment that says nothing when it goes.
fn vanish(site: &Site) {
    std::thread::scope(|scope| {
        let vanished = scope.spawn(|| {
            let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
            let runtime = runtime.expect("threads can be started");
            let program = runtime.block_on(async {
                let program = Annals::on_shared(site.store().await).events::<AccountEvent>();
                let options =
                    EngineOptions { own_thread: false, lock_directory: None, ..options() };
                let program = program.project(Totals).engine_options(options).start().await;
                let program = program.expect("it starts");
                until(site, "totals", is_live).await;
                program
            });
            runtime.shutdown_background();
            drop(program);
        });
        vanished.join().expect("it starts");
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_vanished_is_named() {
    Site::each(async |site| {
        let site = site.made();
        let store = site.name();
        vanish(&site);
        let end = Instant::now() + PATIENCE;
        while annals(&store, &["members", "--json"]).json()["alive"] == true {
            assert!(Instant::now() < end, "it does not die");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert!(annals(&store, &["members"]).ok().contains("dead"));
        let doctor = annals(&store, &["doctor"]).ok();
        assert!(doctor.contains("`the-till` was heard of last"), "{doctor}");
        assert!(doctor.contains("nobody works on 1 parts: totals/1/1/0"), "{doctor}");
        let shown = annals(&store, &["consumers", "status", "totals"]);
        assert_eq!(shown.code, 1, "{}", shown.out);
        assert!(shown.out.contains("(dead)"), "{}", shown.out);
        // Another takes over, and all is well but for the one that is dead.
        let program = Annals::on_shared(site.store().await).events::<AccountEvent>();
        let program = program.project(Totals).engine_options(options()).start().await.unwrap();
        until(&site, "totals", is_live).await;
        annals(&store, &["consumers", "status", "totals"]).ok();
        program.shutdown().await;
    })
    .await;
}
