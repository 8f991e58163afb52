//! What has its effects outside of the store is seen and steered as everything else is.

use std::io::{BufRead, BufReader};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex};

use annals::prelude::*;
use annals::{ConsumeError, Subscriber, async_trait};
use annals_tests::bank::AccountEvent;
use serde_json::Value;

use super::command::{annals, command, signal};
use super::program::{Tills, counts, deposit, is_live, options, until};
use super::site::Site;

/// What becomes of thirteen.
const POISON: u8 = 0;
const DOWN: u8 = 1;
const FINE: u8 = 2;

struct Letters {
    thirteen: Arc<AtomicU8>,
    sent: Arc<Mutex<Vec<u64>>>,
}

#[async_trait]
impl Subscriber for Letters {
    type Event = AccountEvent;
    const NAME: &'static str = "letters";

    async fn handle(&self, event: &Recorded<AccountEvent>) -> Result<(), ConsumeError> {
        if event.data == (AccountEvent::Deposited { cents: 13 }) {
            match self.thirteen.load(Ordering::SeqCst) {
                POISON => return Err(ConsumeError::poison("nobody lives there")),
                DOWN => return Err(ConsumeError::blocked("the post office", "closed")),
                _ => {}
            }
        }
        self.sent.lock().expect("no panic").push(event.position.get());
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_subscriber_is_steered() {
    Site::each(async |site| {
        let site = site.made();
        let store = site.name();
        let (thirteen, sent) = (Arc::new(AtomicU8::new(POISON)), Arc::new(Mutex::default()));
        let start = async || {
            let letters = Letters { thirteen: thirteen.clone(), sent: sent.clone() };
            let program = Annals::on_shared(site.store().await).events::<AccountEvent>();
            let program = program.project(Tills { mended: Arc::default() }).subscriber(letters);
            program.engine_options(options()).start().await.expect("it starts")
        };
        let program = start().await;
        deposit(&program, 1, &[1, 13, 2]).await;
        deposit(&program, 2, &[1]).await;
        let status = until(&site, "letters", |status| status["lag"]["events"] == 0).await;
        assert_eq!((&status["kind"], &status["parked_keys"]), (&"subscriber".into(), &1.into()));
        let shown = annals(&store, &["parked", "show", "letters", "account-1"]).ok();
        assert!(shown.contains("nobody lives there") && shown.contains("when told"), "{shown}");
        let doctor = annals(&store, &["doctor"]).ok();
        assert!(
            doctor.contains("1 parked keys wait for a person: account-1 of letters"),
            "{doctor}"
        );

        thirteen.store(FINE, Ordering::SeqCst);
        let healed = annals(&store, &["parked", "retry", "letters", "account-1"]).ok();
        assert!(healed.contains("account-1: healed"), "{healed}");
        until(&site, "letters", is_live).await;
        let mut of_one = sent.lock().expect("no panic").clone();
        of_one.retain(|position| *position <= 3);
        assert_eq!(of_one, [1, 2, 3]);

        let pause = ["consumers", "pause", "letters", "--why", "no paper"];
        annals(&store, &pause).ok();
        deposit(&program, 2, &[1]).await;
        program.shutdown().await;
        let program = start().await;
        counts(&program, 2, 2).await;
        assert!(!sent.lock().expect("no panic").contains(&5));
        annals(&store, &["consumers", "resume", "letters"]).ok();
        until(&site, "letters", is_live).await;
        assert!(sent.lock().expect("no panic").contains(&5));

        for parts in [8, 2] {
            let n = parts.to_string();
            annals(&store, &["consumers", "repartition", "letters", &n]).ok();
            deposit(&program, parts, &[1]).await;
            let status = until(&site, "letters", is_live).await;
            assert_eq!(status["partitions"].as_array().map(Vec::len), Some(parts as usize));
        }
        let said = annals(&store, &["consumers", "rebuild", "letters"]).failed(4);
        assert!(said.contains("knows no `rebuild`"), "{said}");
        let said = annals(&store, &["consumers", "rebuild", "letters", "--key", "1"]).failed(4);
        assert!(said.contains("effects are outside of the store"), "{said}");
        let mut sent = sent.lock().expect("no panic").clone();
        sent.sort_unstable();
        assert_eq!(sent, [1, 2, 3, 4, 5, 6, 7], "nobody died: each was sent once");
        program.shutdown().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_down_is_named() {
    Site::each(async |site| {
        let site = site.made();
        let store = site.name();
        let thirteen = Arc::new(AtomicU8::new(DOWN));
        let letters = Letters { thirteen: thirteen.clone(), sent: Arc::default() };
        let program = Annals::on_shared(site.store().await).events::<AccountEvent>();
        let program = program.subscriber(letters).engine_options(options());
        let program = program.start().await.expect("it starts");
        deposit(&program, 1, &[13]).await;
        let is_blocked = |status: &Value| {
            let trouble = status["trouble"].to_string();
            trouble.contains("blocked") && trouble.contains("the post office")
        };
        until(&site, "letters", is_blocked).await;
        let shown = annals(&store, &["consumers", "status", "letters"]);
        assert_eq!(shown.code, 1, "{}", shown.out);
        let doctor = annals(&store, &["doctor"]);
        assert_eq!(doctor.code, 1, "{}", doctor.out);
        assert!(doctor.out.contains("the post office"), "{}", doctor.out);

        // Whoever watches sees it go on.
        let watch = ["consumers", "status", "letters", "--watch", "--json"];
        let mut watching = command(&store, &watch).spawn().expect("it starts");
        let lines = BufReader::new(watching.stdout.take().expect("its output is piped")).lines();
        let mut seen = lines.map(|line| {
            serde_json::from_str::<Value>(&line.expect("it is text")).expect("it is JSON")
        });
        assert!(seen.next().is_some_and(|status| is_blocked(&status)));
        thirteen.store(FINE, Ordering::SeqCst);
        assert!(seen.any(|status| is_live(&status)));
        signal(&watching, "INT");
        assert!(watching.wait().expect("it ends").success());
        program.shutdown().await;
    })
    .await;
}
