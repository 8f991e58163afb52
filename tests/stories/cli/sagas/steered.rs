//! An operator sees where each instance stands, and steers one that cannot go on by itself to its end.

use annals_tests::shop::Checkout;

use super::super::command::annals;
use super::super::site::Site;
use super::{dispatches, start, until};
use crate::sagas::checkout::{place, stock};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn instances_are_seen_and_steered_to_their_end() {
    Site::each(async |site| {
        let site = site.made();
        let store = site.name();
        assert_eq!(annals(&store, &["sagas", "list"]).ok(), "no program has run a saga here\n");
        let said = annals(&store, &["sagas", "show", "checkout", "1"]).failed(1);
        assert!(said.contains("no program has run one here"), "{said}");
        let shop = start::<Checkout>(&site).await;
        assert_eq!(annals(&store, &["sagas", "list"]).ok(), "checkout: there are none\n");
        stock(&shop, 1).await;
        place(&shop, "1", "ada").await;
        until(&site, "1", "completed", 0).await;
        place(&shop, "2", "stingy").await;
        let stuck = until(&site, "2", "stuck", 0).await;
        dispatches(&site, false);
        place(&shop, "3", "ada").await;
        let running = until(&site, "3", "running", 0).await;
        assert_eq!(running["waits_for"].as_array().map(Vec::len), Some(2), "{running}");
        assert_eq!(running["next_wake_up"]["deadline"], "(overall)");

        let listed = annals(&store, &["sagas", "list"]).ok();
        assert!(listed.ends_with("\ncheckout: 1 running, 1 stuck\n"), "{listed}");
        assert!(listed.contains("#3 was refused: the bank takes nothing back"), "{listed}");
        let of_the_stuck = ["sagas", "list", "--saga", "checkout", "--state", "stuck", "--json"];
        let listed = annals(&store, &of_the_stuck).json();
        assert_eq!((&listed["instance"], &listed["steps"]), (&"2".into(), &stuck["steps"]));
        let none = annals(&store, &["sagas", "list", "--state", "compensating"]).ok();
        assert_eq!(none, "checkout: there are none\n");
        // A page, and what follows.
        let page = annals(&store, &["sagas", "list", "--limit", "1", "--json"]);
        let (_, after) = page.err.split_once("--saga checkout --after '").expect("there are more");
        let (after, _) = after.split_once('\'').expect("it is quoted");
        let more = ["sagas", "list", "--json", "--saga", "checkout", "--after", after];
        let (first, rest) = (page.json(), annals(&store, &more));
        assert_ne!(first["instance"], rest.json()["instance"], "each is there once");
        assert_eq!(rest.err, "");
        let said = annals(&store, &["sagas", "list", "--saga", "check"]).failed(1);
        assert!(said.contains("there is checkout"), "{said}");

        let shown = annals(&store, &["sagas", "show", "checkout", "2"]).ok();
        for words in [
            "state         stuck",
            "  shop.placed of order-2, version 1, position ",
            "  sends #1 reserve → product-tea, undone by release → product-tea",
            "  #1 reserve → product-tea was refused: sold out",
            "  compensates: `reserve` was refused by `product-tea`: sold out",
            "  is stuck: #3, which undoes another, was refused: the bank takes nothing back",
            "waits for a person: #3 refund → account-stingy was refused",
            "is woken by `(reminder)` at ",
        ] {
            assert!(shown.contains(words), "{words} in {shown}");
        }
        let shown = annals(&store, &["sagas", "show", "checkout", "1"]).ok();
        assert!(shown.ends_with("  ends: completed\n"), "{shown}");
        let said = annals(&store, &["sagas", "show", "checkout", "9"]).failed(1);
        assert!(said.contains("annals sagas list --saga checkout"), "{said}");

        let said = annals(&store, &["sagas", "retry", "checkout", "3"]).failed(4);
        assert!(said.contains("is running: it can be cancelled"), "{said}");
        annals(&store, &["sagas", "retry", "checkout", "9"]).failed(1);
        annals(&store, &["sagas", "cancel", "checkout", "3"]).failed(2);
        let said = annals(&store, &["sagas", "resolve", "checkout", "2", "--note", " "]).failed(2);
        assert!(said.contains("--note TEXT"), "{said}");
        // Who speaks is told on whom it depends.
        let said = annals(&store, &["sagas", "retry", "checkout", "2", "--by", "ada"]).ok();
        assert!(said.starts_with("checkout 2: ada is heard\n  next: the command"), "{said}");
        assert!(said.contains("`checkout-dispatcher` is paused by ada"), "{said}");
        dispatches(&site, true);
        let steps = stuck["steps"].as_u64().expect("a number");
        until(&site, "2", "stuck", steps + 1).await;
        let resolve = ["sagas", "resolve", "checkout", "2", "--by", "ada", "--note", "by hand"];
        let said = annals(&store, &[&resolve[..], &["--json"]].concat()).json();
        assert_eq!((&said["steer"], &said["note"]), (&"resolve".into(), &"by hand".into()));
        assert_eq!(said["waits_because"], serde_json::Value::Null);
        until(&site, "2", "compensated", 0).await;
        let shown = annals(&store, &["sagas", "show", "checkout", "2"]).ok();
        assert!(shown.contains("  ada retries it\n"), "{shown}");
        assert!(shown.contains("  ada has resolved it: by hand\n"), "{shown}");
        assert!(shown.ends_with("  ends: compensated\n"), "{shown}");
        let said = annals(&store, &resolve).failed(4);
        assert!(said.contains("is compensated: there is nothing left to do"), "{said}");
        until(&site, "3", "compensated", 0).await;

        dispatches(&site, false);
        place(&shop, "4", "ada").await;
        until(&site, "4", "running", 0).await;
        shop.shutdown().await;
        let cancel = ["sagas", "cancel", "checkout", "4", "--reason", "it was a test"];
        let said = annals(&store, &cancel).ok();
        assert!(said.contains("no member is alive that has `checkout` at version 1"), "{said}");
        let shop = start::<Checkout>(&site).await;
        dispatches(&site, true);
        let ended = until(&site, "4", "compensated", 0).await;
        let steered = &ended["history"][1]["input"];
        assert_eq!(steered["reason"], "it was a test", "{ended}");
        assert!(steered["by"].as_str().is_some_and(|by| by.contains('@')), "{ended}");
        shop.shutdown().await;
    })
    .await;
}
