//! The checks of the chaos stories notice what they are there for: each is given a history that holds, and
//! then the same one with a fault in it.

use std::time::Duration;

use annals_tests::members::{Effect, Seen, Total};

use super::checks::{Step, as_replayed, none, once, one_owner, outside};
use super::history;
use super::member::Member;
use super::site::Site;
use crate::postgres::place::Place;

const SOON: Duration = Duration::from_secs(20);

fn seen() -> Vec<Seen> {
    (1..=5).map(|position| Seen { position, times: 1 }).collect()
}

#[test]
fn an_effect_that_is_doubled_or_missing() {
    none(&once(&seen(), 5));
    let mut doubled = seen();
    doubled[2].times = 2;
    assert_eq!(once(&doubled, 5), ["event 3 was counted 2 times"]);
    let mut missing = seen();
    missing.remove(1);
    assert_eq!(once(&missing, 5), ["event 2 was counted 0 times"]);
    assert_eq!(once(&seen(), 4), ["event 5 was counted, and never stored"]);
}

#[test]
fn a_row_that_is_not_that_of_a_replay() {
    let rows = [1, 2].map(|account| Total { account, cents: 10, events: 2 });
    none(&as_replayed(&rows, &rows));
    let mut folded_twice = rows.clone();
    folded_twice[1] = Total { account: 2, cents: 15, events: 3 };
    assert_eq!(as_replayed(&folded_twice, &rows).len(), 1);
    assert_eq!(as_replayed(&rows[..1], &rows).len(), 1);
    assert_eq!(as_replayed(&rows, &rows[1..]).len(), 1);
}

/// Of two accounts, in turn.
fn effects() -> Vec<Effect> {
    let effect =
        |position| Effect { account: position % 2, position, event_id: format!("id-{position}") };
    (1..=6).map(effect).collect()
}

#[test]
fn an_effect_outside_that_is_missing_or_out_of_order() {
    none(&outside(&effects(), 6));
    let mut again = effects();
    again.push(effects()[2].clone());
    none(&outside(&again, 6));
    let mut another_id = again;
    another_id[6].event_id = "id-7".to_owned();
    assert_eq!(outside(&another_id, 6), ["event 3 came with two ids"]);

    let mut between_accounts = effects();
    between_accounts.swap(1, 2);
    none(&outside(&between_accounts, 6));
    let mut in_one_account = effects();
    in_one_account.swap(1, 3);
    let wrong = outside(&in_one_account, 6);
    assert!(wrong.len() == 1 && wrong[0].ends_with("came behind 4"), "{wrong:?}");
    let mut missing = effects();
    missing.remove(3);
    assert_eq!(outside(&missing, 6), ["event 4 had no effect outside"]);
}

#[test]
fn two_tokens_that_commit_one_partition() {
    let step = |name: &str, token, position| Step { name: name.to_owned(), token, position };
    let mut steps = vec![
        step("a", 1, 0),
        step("a", 1, 5),
        step("b", 7, 9),
        step("a", 2, 5),
        step("b", 7, 9),
        step("a", 2, 8),
    ];
    none(&one_owner(&steps));
    // Whoever had it before the second comes once more.
    steps.insert(4, step("a", 1, 6));
    let wrong = one_owner(&steps);
    assert!(wrong.len() == 1 && wrong[0].contains("token: 1, position: 6"), "{wrong:?}");
    assert_eq!(one_owner(&[step("a", 1, 5), step("a", 1, 4)]).len(), 1);
}

/// What a store would look like whose fences do not hold: a checkpoint goes back under a member.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_checkpoint_that_went_back() {
    let place = Place::shared().await;
    let site = Site::postgres(&place).await;
    history::keep(&place).await;
    let first = Member::start(&site, "first", &[]).await;
    for account in 0..10 {
        site.deposit(account, 1).await;
    }
    for consumer in ["totals", "counting", "noting"] {
        site.done(consumer, SOON).await;
    }
    site.check().await;
    site.check_effects().await;
    history::check(&place, 3).await;
    first.stop().await;

    let sql = "UPDATE annals.checkpoints SET position = position - 5";
    let sql = sql.replace("annals.", &place.name(""));
    place.client().await.batch_execute(&sql).await.expect("the schema is ours");
    let second = Member::start(&site, "second", &[]).await;
    for consumer in ["totals", "counting", "noting"] {
        site.done(consumer, SOON).await;
    }
    second.stop().await;
    let wrong = site.wrong::<1>().await;
    for fault in ["in a replay", "was counted 2 times"] {
        assert!(wrong.iter().any(|wrong| wrong.contains(fault)), "{wrong:?}");
    }
    assert!(!one_owner(&history::steps(&place).await).is_empty(), "the history shows it");
    assert!(site.check_effects().await > 0, "effects outside may happen again");
}
