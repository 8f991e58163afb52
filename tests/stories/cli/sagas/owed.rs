//! Somebody owes every instance that has not ended a wake-up: the doctor proves it, or names the instance.

use annals_tests::shop::Checkout;
use serde_json::Value;

use super::super::command::annals;
use super::super::site::Site;
use super::{dispatches, start, until};
use crate::sagas::checkout::{place, stock};

/// Changes the engine's tables as nobody should; `annals.` stands before their names.
async fn tamper(site: &Site, sql: &str) {
    match site {
        Site::Sqlite(directory) => {
            let file = directory.path().join("story.db");
            let connection = rusqlite::Connection::open(file).expect("it opens");
            connection.execute_batch(&sql.replace("annals.", "").replace("::json", "")).expect(sql);
        }
        Site::Postgres(place) => {
            let client = place.client().await;
            client.batch_execute(&sql.replace("annals.", &place.name(""))).await.expect(sql);
        }
        Site::Beside(_) => unreachable!("the story has one store"),
    }
}

/// What the doctor says of a check, and its exit code.
fn look(site: &Site, check: &str, more: &[&str]) -> (Vec<Value>, i32) {
    let ended = annals(&site.name(), &[&["doctor", "--json"], more].concat());
    let report = ended.json();
    let findings = report["findings"].as_array().expect("a list");
    (findings.iter().filter(|one| one["check"] == check).cloned().collect(), ended.code)
}

#[track_caller]
fn the_only(site: &Site, check: &str, severity: &str, words: &[&str]) {
    let (found, code) = look(site, check, &[]);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!((&found[0]["severity"], code), (&severity.into(), i32::from(severity == "bad")));
    let said = found[0].to_string();
    assert!(words.iter().all(|words| said.contains(words)), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wake_up_that_nobody_owes_is_named() {
    Site::each(async |site| {
        let site = site.made();
        assert!(look(&site, "saga_timers", &[]).0.is_empty(), "no saga was run here");
        let shop = start::<Checkout>(&site).await;
        stock(&shop, 1).await;
        place(&shop, "1", "ada").await;
        until(&site, "1", "completed", 0).await;
        place(&shop, "2", "stingy").await;
        until(&site, "2", "stuck", 0).await;
        dispatches(&site, false);
        place(&shop, "3", "slow").await;
        // Its payment is over, and it waits for the reply to what it has sent.
        until(&site, "3", "compensating", 0).await;
        place(&shop, "4", "ada").await;
        until(&site, "4", "running", 0).await;
        shop.shutdown().await;

        let all = "all 3 timers and 4 instances";
        the_only(&site, "saga_timers", "ok", &[all]);
        the_only(&site, "saga_stuck", "warn", &["checkout 2", "annals sagas show"]);
        the_only(&site, "saga_dispatchers", "ok", &[]);
        let (sample, _) = look(&site, "saga_timers", &["--sample", "2"]);
        let said = sample[0]["what"].as_str().expect("a text");
        assert!(said.starts_with("a sample of 2 timers and 2 instances"), "{said}");
        let (full, _) = look(&site, "saga_timers", &["--sample", "2", "--full"]);
        assert!(full[0]["what"].as_str().expect("a text").starts_with(all), "{full:?}");

        tamper(&site, "DELETE FROM annals.annals_timers WHERE due_at = (SELECT max(due_at) FROM annals.annals_timers)")
            .await;
        let words = ["1 deadlines have no timer", "(reminder)", "annals sagas rearm checkout 3"];
        the_only(&site, "saga_timers", "bad", &words);
        tamper(&site, "DELETE FROM annals.annals_timers").await;
        the_only(&site, "saga_timers", "bad", &["3 deadlines have no timer", "of checkout 4"]);
        for (instance, deadline) in [("2", "(reminder)"), ("3", "(reminder)"), ("4", "(overall)")] {
            let rearm = ["sagas", "rearm", "checkout", instance];
            let said = annals(&site.name(), &rearm).ok();
            assert_eq!(said, format!("checkout {instance}: timers are set for {deadline}\n"));
            assert!(annals(&site.name(), &rearm).ok().contains("every deadline has its timer"));
        }
        the_only(&site, "saga_timers", "ok", &[all]);

        let copy = |key: &str, from: &str, to: &str| {
            format!(
                "INSERT INTO annals.annals_timers (consumer, key, due_at, body, set_at) SELECT consumer, '{key}', \
                 due_at, CAST(replace(CAST(body AS text), '{from}', '{to}') AS text)::json, set_at \
                 FROM annals.annals_timers WHERE CAST(body AS text) LIKE '%(overall)%'"
            )
        };
        tamper(&site, &copy("an orphan", r#""4""#, r#""1""#)).await;
        let words = ["1 timers wake nobody", "of checkout 1 (the instance was completed)"];
        the_only(&site, "saga_timers", "warn", &words);
        tamper(&site, "DELETE FROM annals.annals_timers WHERE key = 'an orphan'").await;
        tamper(&site, &copy("another", "(overall)", "(other)")).await;
        let words = ["`(other)`", "of checkout 4 (the instance has no such deadline)"];
        the_only(&site, "saga_timers", "warn", &words);
        tamper(&site, "UPDATE annals.annals_timers SET body = '{}' WHERE key = 'another'").await;
        the_only(&site, "saga_timers", "bad", &["the timer `another`", "missing field"]);
        tamper(&site, "DELETE FROM annals.annals_timers WHERE key = 'another'").await;
        the_only(&site, "saga_timers", "ok", &[all]);

        tamper(&site, "DELETE FROM annals.annals_consumers WHERE name = 'checkout-dispatcher'").await;
        the_only(&site, "saga_dispatchers", "bad", &["checkout-dispatcher", "executes nothing twice"]);
    })
    .await;
}
