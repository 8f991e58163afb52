//! What a program has decided is recorded from the store, and told again to the next version of the program.

use std::time::Duration;

use annals::prelude::*;
use annals::sagas::{Commands, Correlation, Flow, Recording, ReplayError, Saga};
use annals_tests::shop::{Checkout, ShopEvent};

use super::super::command::{annals, annals_reading};
use super::super::site::Site;
use super::{dispatches, start, until};
use crate::sagas::checkout::{place, stock};

/// It wakes itself where the one before did not, in steps that it takes for the first time or always.
#[derive(Default)]
struct Changed<const ALWAYS: bool>(Checkout);

impl<const ALWAYS: bool> Saga for Changed<ALWAYS> {
    type Event = ShopEvent;
    const NAME: &'static str = Checkout::NAME;
    const VERSION: u32 = 2;
    const WITHIN: Duration = Checkout::WITHIN;

    fn commands() -> Commands {
        Checkout::commands()
    }

    fn correlate(event: &Recorded<ShopEvent>) -> Vec<Correlation> {
        Checkout::correlate(event)
    }

    fn on(&mut self, event: &Recorded<ShopEvent>, flow: &mut Flow) {
        let is_charged = matches!(event.data, ShopEvent::Charged { .. });
        if is_charged && (ALWAYS || flow.patched("tea-time")) {
            flow.wake_after("tea", Duration::from_secs(17 * 3600));
        }
        self.0.on(event, flow);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn histories_are_told_again_to_the_next_program() {
    Site::each(async |site| {
        let site = site.made();
        let store = site.name();
        let directory = tempfile::tempdir().expect("there is room");
        let file = directory.path().join("checkout.ndjson");
        let name = file.to_str().expect("it is text");
        let record = ["sagas", "record", "checkout", "--to", name];
        assert!(annals(&store, &record).failed(1).contains("no program has run one here"));
        assert!(!file.exists());
        let shop = start::<Checkout>(&site).await;
        stock(&shop, 2).await;
        for (order, buyer, state) in
            [("1", "ada", "completed"), ("2", "poor", "compensated"), ("3", "slow", "compensated")]
        {
            place(&shop, order, buyer).await;
            until(&site, order, state, 0).await;
        }
        dispatches(&site, false);
        place(&shop, "4", "ada").await;
        until(&site, "4", "running", 0).await;
        shop.shutdown().await;

        let said = annals(&store, &record).ok();
        assert!(said.starts_with("4 instances, ") && said.contains(name), "{said}");
        let recording = Recording::read(&file).expect("it can be read");
        let replayed = recording.replay::<Checkout>().expect("nothing has changed");
        assert_eq!(replayed.instances, 4);
        recording.replay::<Changed<false>>().expect("old steps go on as they went");
        let error = recording.replay::<Changed<true>>().expect_err("it decides something else");
        let ReplayError::Difference(first) = &error else { panic!("{error}") };
        assert_eq!((&*first.saga, &*first.instance), ("checkout", "1"));
        assert!(first.told.starts_with("shop.charged of account-ada"), "{error}");
        assert!(first.now.starts_with("sets the deadline `tea`"), "{error}");
        assert_eq!(first.then, "sends #3 confirm → order-1", "{error}");

        // What needs no program is checked by the command.
        let said = annals("", &["sagas", "replay", name]).ok();
        assert!(said.contains("checkout: 4 instances") && said.contains("replay::<"), "{said}");
        let whole = std::fs::read_to_string(&file).expect("it is there");
        let end = r#"{"decided":"end","outcome":"completed"}"#;
        let without_an_end = whole.replacen(end, "", 1);
        assert_ne!(without_an_end, whole);
        let check = |text: &str| annals_reading("", &["sagas", "replay", "-"], text.as_bytes());
        let said = check(&without_an_end).failed(4);
        assert!(said.contains("`1`, step") && said.contains("it ends: completed"), "{said}");
        let said = check(&whole.replacen(r#""format":1"#, r#""format":9"#, 1)).failed(4);
        assert!(said.contains("newer version of Annals"), "{said}");
        assert!(check("{}\n").failed(4).contains("the standard input, line 1"));
        annals("", &["sagas", "replay", "/nowhere.ndjson"]).failed(5);

        // Some of them, and elsewhere.
        assert!(annals(&store, &record).failed(5).contains("--overwrite"));
        let ended = ["sagas", "record", "checkout", "--ended", "--to", "-"];
        let lines = annals(&store, &ended).json_lines();
        let instances: Vec<_> = lines[1..].iter().map(|line| &line["instance"]).collect();
        assert_eq!(instances, ["1", "2", "3"]);
        let two = [&record[..3], &["--instance", "4", "--instance", "2", "--to", "-"]].concat();
        let lines = annals(&store, &two).json_lines();
        assert_eq!((&lines[1]["instance"], &lines[2]["instance"]), (&"4".into(), &"2".into()));
        let one = annals(&store, &[&record[..3], &["--limit", "1", "--to", "-"]].concat());
        assert_eq!(one.json_lines().len(), 2);
        assert!(one.err.contains("raise `--limit`"), "{}", one.err);
        let unknown = [&record[..], &["--overwrite", "--instance", "9"]].concat();
        assert!(annals(&store, &unknown).failed(1).contains("no `9` of the saga"));
        assert_eq!(std::fs::read_to_string(&file).expect("it is there"), whole, "it stays");
    })
    .await;
}
