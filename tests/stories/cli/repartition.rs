//! A consumer is cut anew while events arrive: each has its effect once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use annals::prelude::*;
use annals_tests::bank::AccountEvent;

use super::command::annals;
use super::program::{Totals, counts, deposit, is_live, options, start, until};
use super::site::Site;

/// How many tills there are.
const TILLS: u32 = 12;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_consumer_is_cut_anew_while_events_arrive() {
    Site::each(async |site| {
        let site = site.made();
        let store = site.name();
        let mended = Arc::new(AtomicBool::new(true));
        let program = start(&site, &mended).await;
        // A second one, so that parts move.
        let beside = start(&site, &mended).await;
        let stop = Arc::new(AtomicBool::new(false));
        let appending = tokio::spawn({
            let (program, stop) = (program.clone(), stop.clone());
            async move {
                let mut rounds = 0;
                while !stop.load(Ordering::SeqCst) {
                    for till in 0..TILLS {
                        deposit(&program, till, &[1, 1]).await;
                    }
                    rounds += 1;
                }
                rounds
            }
        });
        let parts =
            |status: &serde_json::Value| status["partitions"].as_array().map_or(0, Vec::len);
        until(&site, "tills", |status| parts(status) == 4).await;
        for wanted in [8, 2] {
            let n = wanted.to_string();
            let said = annals(&store, &["consumers", "repartition", "tills", &n]).ok();
            assert!(said.contains(&format!("{n} partitions")), "{said}");
            until(&site, "tills", |status| parts(status) == wanted).await;
        }
        stop.store(true, Ordering::SeqCst);
        let rounds: i64 = appending.await.expect("it appends");
        for till in 0..TILLS {
            counts(&program, till, rounds * 2).await;
        }
        until(&site, "tills", is_live).await;
        for till in 0..TILLS {
            counts(&beside, till, rounds * 2).await;
        }
        beside.shutdown().await;
        program.shutdown().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_has_one_partition_keeps_it() {
    Site::each(async |site| {
        let site = site.made();
        let program = Annals::on_shared(site.store().await).events::<AccountEvent>();
        let program = program.project(Totals).engine_options(options()).start().await.unwrap();
        let said = annals(&site.name(), &["consumers", "repartition", "totals", "2"]).failed(4);
        assert!(said.contains("partitioned by id"), "{said}");
        annals(&site.name(), &["consumers", "repartition", "totals", "0"]).failed(2);
        program.shutdown().await;
    })
    .await;
}
