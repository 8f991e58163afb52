//! What becomes of an event that fails is seen, and decided by people.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::command::annals;
use super::program::{count, counts, deposit, is_live, start, until};
use super::site::Site;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_parked_key_is_seen_and_healed() {
    Site::each(async |site| {
        let site = site.made();
        let store = site.name();
        let mended = Arc::new(AtomicBool::new(false));
        let program = start(&site, &mended).await;
        deposit(&program, 1, &[1, 13, 2]).await;
        deposit(&program, 2, &[1]).await;
        counts(&program, 2, 1).await;
        let parked = until(&site, "tills", |status| status["lag"]["events"] == 0).await;
        assert_eq!(parked["parked_keys"], 1);
        assert_eq!(count(&program, 1).await, 1, "the others go on, and it waits");

        let listed = annals(&store, &["parked", "list", "--json"]).json();
        assert_eq!((&listed["key"], &listed["events"]), (&"1".into(), &2.into()));
        let shown = annals(&store, &["parked", "show", "tills", "1"]).ok();
        assert!(shown.contains("thirteen is refused"), "{shown}");
        assert!(shown.contains(r#"{"cents":13}"#) && shown.contains(r#"{"cents":2}"#), "{shown}");
        let shown = annals(&store, &["parked", "show", "tills", "1", "--json"]).json();
        assert_eq!(shown["waiting"][0]["payload"]["cents"], 13);
        assert_eq!((&shown["position"], &shown["attempts"]), (&2.into(), &listed["attempts"]));
        annals(&store, &["parked", "show", "tills", "9"]).failed(1);
        annals(&store, &["parked", "list", "till"]).failed(1);

        let again = annals(&store, &["parked", "retry", "tills", "1"]);
        assert_eq!(again.code, 1, "{}{}", again.out, again.err);
        assert!(again.out.contains("1: failed again"), "{}", again.out);
        mended.store(true, Ordering::SeqCst);
        let again = annals(&store, &["parked", "retry", "tills", "1"]).ok();
        assert!(again.contains("1: healed"), "{again}");
        counts(&program, 1, 3).await;
        assert_eq!(annals(&store, &["parked", "list"]).ok(), "no key is parked\n");
        assert_eq!(
            annals(&store, &["parked", "retry", "tills", "--all"]).ok(),
            "no key is parked\n"
        );
        until(&site, "tills", is_live).await;
        program.shutdown().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_discarded_never_has_its_effect() {
    Site::each(async |site| {
        let site = site.made();
        let store = site.name();
        let mended = Arc::new(AtomicBool::new(false));
        let program = start(&site, &mended).await;
        for account in [1, 2, 3] {
            deposit(&program, account, &[1, 13, 2]).await;
        }
        until(&site, "tills", |status| status["parked_keys"] == 3).await;
        annals(&store, &["parked", "discard", "tills", "1"]).failed(2);
        annals(&store, &["parked", "discard", "tills", "9", "--why", "x"]).failed(1);
        let one = ["parked", "discard", "tills", "1", "--who", "ada", "--why", "counted by hand"];
        assert_eq!(annals(&store, &one).ok(), "tills: discarded\n");
        // Nobody can be asked here.
        let all = ["parked", "discard", "tills", "--all", "--why", "counted by hand"];
        let asked = annals(&store, &all);
        assert_eq!(asked.code, 2);
        assert!(asked.out.contains("thirteen is refused") && asked.err.contains("--yes"));
        annals(&store, &[&all[..], &["--yes"]].concat()).ok();
        until(&site, "tills", is_live).await;
        for account in [1, 2, 3] {
            assert_eq!(count(&program, account).await, 1);
            deposit(&program, account, &[3]).await;
            counts(&program, account, 2).await;
        }
        let requests = annals(&store, &["requests", "list", "--json"]).json_lines();
        assert_eq!(
            (&requests[1]["why"], &requests[1]["verb"]),
            (&one[7].into(), &"discard".into())
        );
        assert_eq!(requests[1]["arguments"]["keys"][0], "1");
        program.shutdown().await;
    })
    .await;
}
