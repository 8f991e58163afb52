//! Events delivered several times and writes whose replies are lost leave the same rows (I4).

use annals::{StreamId, Timestamp, Uuid, prelude::*};
use annals_testkit::assert_idempotent;
use annals_tests::bank::{AccountEvent, Balance, Balances};

fn history() -> Vec<(StreamId, AccountEvent)> {
    (0..40_i64)
        .map(|n| {
            let event = match n / 8 {
                0 => AccountEvent::Opened { owner: format!("owner {n}") },
                3 => AccountEvent::Withdrawn { cents: n },
                4 if n % 3 == 0 => AccountEvent::Closed,
                _ => AccountEvent::Deposited { cents: 100 + n },
            };
            (StreamId::new("account", n % 8).unwrap(), event)
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_balances_do_not_notice() {
    assert_idempotent(Balances, &history(), 4).await;
}

/// A fold that looks at something else than its arguments.
struct Forgetful;

impl Projection for Forgetful {
    type Event = AccountEvent;
    type Row = Balance;

    fn fold(&self, account: &u32, row: &mut Option<Balance>, _: &Recorded<AccountEvent>) {
        use std::sync::atomic::{AtomicI64, Ordering};
        static COUNT: AtomicI64 = AtomicI64::new(0);
        let events = COUNT.fetch_add(1, Ordering::Relaxed);
        *row = Some(Balance { account: *account, owner: String::new(), cents: 0, events });
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[should_panic(expected = "each event delivered one to 2 times")]
async fn the_check_can_fail() {
    assert_idempotent(Forgetful, &history(), 4).await;
}

/// When an account was opened, and when that was noticed.
#[derive(ReadModel, Debug, Clone, PartialEq)]
#[read_model(table = "openings")]
struct Opening {
    #[key]
    account: u32,
    opened_at: Timestamp,
    noticed_at: Timestamp,
    event: Uuid,
}

struct Openings;

impl Projection for Openings {
    type Event = AccountEvent;
    type Row = Opening;

    fn fold(&self, account: &u32, row: &mut Option<Opening>, event: &Recorded<AccountEvent>) {
        row.get_or_insert_with(|| Opening {
            account: *account,
            opened_at: event.occurred_at,
            noticed_at: event.recorded_at,
            event: event.id.get(),
        });
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_that_keep_times_and_ids_are_no_false_alarm() {
    assert_idempotent(Openings, &history(), 3).await;
}
