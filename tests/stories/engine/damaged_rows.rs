//! One row after another of the engine's own tables is damaged, while members come and go: whatever does not
//! depend on it goes on, the doctor names the row, and when it is put right everything goes on.

use std::time::{Duration, Instant};

use annals::ops::{Ask, ConsumerStatus};
use annals_tests::members::Seen;
use serde_json::Value;

use super::chaos::CONSUMERS;
use super::member::Member;
use super::site::Site;
use crate::cli::command::annals;
use crate::postgres::place::Place;

const SOON: Duration = Duration::from_secs(20);

/// The account whose key is parked.
const PARKED: u64 = 1;

/// How many accounts are written to.
const ACCOUNTS: u64 = 12;

/// Statements for both databases: `annals.` stands in front of tables, `{time}` is what no time can be.
struct Damage {
    table: &'static str,
    damage: &'static str,
    mend: &'static str,
    /// Whom it keeps from anything.
    hurts: &'static str,
}

const DAMAGES: [Damage; 9] = [
    Damage {
        table: "annals_members",
        damage: "INSERT INTO annals.annals_members VALUES ('00000000-0000-7000-8000-000000000001',
                 'ghost', '{}', false, {time}, {time}, {time})",
        mend: "DELETE FROM annals.annals_members WHERE label = 'ghost'",
        hurts: "",
    },
    Damage {
        table: "annals_consumers",
        damage: "UPDATE annals.annals_consumers SET version = -1 WHERE name = 'noting'",
        mend: "UPDATE annals.annals_consumers SET version = 1 WHERE name = 'noting'",
        hurts: "noting",
    },
    Damage {
        table: "annals_partitions",
        damage: "UPDATE annals.annals_partitions SET token = -token - 1
                 WHERE consumer = 'noting' AND part = 0",
        mend: "UPDATE annals.annals_partitions SET token = -token - 1 WHERE token < 0",
        hurts: "noting",
    },
    Damage {
        table: "annals_partitions",
        damage: "UPDATE annals.annals_partitions SET changed_at = {time}
                 WHERE consumer = 'totals' AND part = 1",
        mend: "UPDATE annals.annals_partitions SET changed_at = (
                   SELECT max(changed_at) FROM annals.annals_partitions WHERE consumer = 'noting')
               WHERE consumer = 'totals' AND part = 1",
        hurts: "totals",
    },
    Damage {
        table: "annals_parked_keys",
        damage: "UPDATE annals.annals_parked_keys SET attempts = -1 WHERE consumer = 'counting'",
        mend: "UPDATE annals.annals_parked_keys SET attempts = 1 WHERE consumer = 'counting'",
        hurts: "",
    },
    Damage {
        table: "annals_parked_items",
        damage: "INSERT INTO annals.annals_parked_items VALUES ('counting', 1, '1', -5, NULL)",
        mend: "DELETE FROM annals.annals_parked_items WHERE position = -5",
        hurts: "",
    },
    Damage {
        table: "annals_requests",
        damage: "INSERT INTO annals.annals_requests (id, consumer, verb, arguments, who, why, asked_at, state)
                 VALUES ('00000000-0000-7000-8000-000000000002', 'totals', 'pause', '{}', 'a', 'b',
                         {time}, 'open')",
        mend: "DELETE FROM annals.annals_requests WHERE who = 'a'",
        hurts: "",
    },
    Damage {
        table: "annals_inbox",
        damage: "INSERT INTO annals.annals_inbox VALUES ('noting', 0, 'elsewhere', '1', 0, {time})",
        mend: "DELETE FROM annals.annals_inbox",
        hurts: "",
    },
    Damage {
        table: "annals_timers",
        damage: "INSERT INTO annals.annals_timers VALUES ('noting', '1', {time}, '{}', {time})",
        mend: "DELETE FROM annals.annals_timers",
        hurts: "",
    },
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_postgres() {
    let place = Place::shared().await;
    let site = Site::postgres(&place).await;
    let client = place.client().await;
    let prefix = place.name("");
    let run = async |sql: &str| {
        let sql = sql.replace("annals.", &prefix).replace("{time}", "'infinity'");
        client.batch_execute(&sql).await.expect("the schema is ours");
    };
    tokio::time::timeout(Duration::from_secs(180), story(&site, run)).await.expect("it ends");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_sqlite() {
    let site = Site::sqlite().await;
    let file = site.url.trim_start_matches("sqlite://").to_owned();
    let run = async |sql: &str| {
        let sql = sql.replace("annals.", "").replace("{time}", "'some day'");
        let connection = rusqlite::Connection::open(&file).expect("it opens");
        connection.busy_timeout(SOON).expect("any time will do");
        connection.execute_batch(&sql).expect("the file is ours");
    };
    tokio::time::timeout(Duration::from_secs(180), story(&site, run)).await.expect("it ends");
}

async fn story(site: &Site, run: impl AsyncFn(&str)) {
    let breaks = ["breaks=yes"];
    let first = Member::start(site, "first", &breaks).await;
    let mut second = Member::start(site, "second", &breaks).await;
    site.deposit_special(PARKED).await;
    let parked = |status: &ConsumerStatus| status.parked_keys == 1;
    site.until("counting", "parked", SOON, parked).await;
    for (damage, round) in DAMAGES.iter().zip(1..) {
        println!("{}", damage.damage);
        run(damage.damage).await;
        // Whoever comes sees the row for the first time.
        println!("stopped within {:?}", second.stop().await);
        second = Member::start(site, "second", &breaks).await;
        for account in 0..ACCOUNTS {
            site.deposit(account, 1).await;
        }
        goes_on(site, damage).await;
        assert!(is_named(site, damage.table), "the doctor names it");
        let seen = site.annals.read::<Seen>().list().await.expect("the rows can be read");
        let head = site.store.head().await.expect("the head can be read").get();
        let waiting = head as usize - seen.len();
        assert_eq!(waiting, 1 + round, "all that waits behind the key, and nothing else");

        run(damage.mend).await;
        assert!(!is_named(site, damage.table), "it is put right");
    }
    first.stop().await;
    second.stop().await;
    let mended = Member::start(site, "mended", &[]).await;
    // What waited behind a damaged row waits for a person.
    let retry = Ask::Retry(vec![PARKED.to_string()]);
    site.answer(site.ask("counting", &retry).await, SOON).await;
    for consumer in CONSUMERS {
        site.done(consumer, SOON).await;
    }
    site.check().await;
    site.check_effects().await;
    mended.stop().await;
}

/// All parts of all consumers come to the end of the log but those that cannot, and people are heard.
async fn goes_on(site: &Site, damage: &Damage) {
    let head = site.store.head().await.expect("the head can be read");
    for consumer in CONSUMERS {
        if (consumer, damage.table) == (damage.hurts, "annals_consumers") {
            continue;
        }
        let others = |status: &ConsumerStatus| {
            status.partitions.len() >= 3
                && status.partitions.iter().all(|part| part.position >= head)
        };
        site.until(consumer, "done with the rest", SOON, others).await;
        let names = |trouble: &String| trouble.contains(damage.table);
        let hurt = site.status(consumer).await.trouble.iter().any(names);
        assert_eq!(hurt, consumer == damage.hurts, "{consumer}: {}", damage.table);
    }
    for ask in [Ask::Pause, Ask::Resume] {
        let begun = Instant::now();
        let (carried_out, answer) = site.answer(site.ask("counting", &ask).await, SOON).await;
        assert!(carried_out, "{answer}");
        println!("{answer} within {:?}", begun.elapsed());
    }
}

/// Whether the doctor finds a damaged row of a table.
fn is_named(site: &Site, table: &str) -> bool {
    let report = annals(&site.url, &["doctor", "--json"]).json();
    let findings = report["findings"].as_array().expect("a list").iter();
    let mut damaged = findings.filter(|finding| finding["check"] == "records");
    let rows = damaged.next().map_or(&Value::Null, |finding| &finding["facts"]["rows"]);
    let mut rows = rows.as_array().expect("a list").iter().filter_map(Value::as_str);
    rows.any(|row| row.starts_with(table))
}
