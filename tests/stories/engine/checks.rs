//! What must hold in the end, whatever was done to the members: each check lists what is wrong.

use std::collections::BTreeMap;

use annals_tests::members::{Effect, Seen, Total};

/// One step of a checkpoint, as it was committed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) name: String,
    pub(super) token: i64,
    pub(super) position: i64,
}

/// Nothing is wrong.
#[track_caller]
pub(super) fn none(wrong: &[String]) {
    assert!(wrong.is_empty(), "{} things are wrong:\n{}", wrong.len(), wrong.join("\n"));
}

/// The rows are those that a replay by one thread makes.
pub(super) fn as_replayed(rows: &[Total], replayed: &[Total]) -> Vec<String> {
    let by_account = |rows: &[Total]| -> BTreeMap<u32, Total> {
        rows.iter().map(|row| (row.account, row.clone())).collect()
    };
    let (rows, replayed) = (by_account(rows), by_account(replayed));
    let accounts = rows.keys().chain(replayed.keys());
    let mut wrong: Vec<_> = accounts
        .filter(|account| rows.get(account) != replayed.get(account))
        .map(|account| {
            let (row, other) = (rows.get(account), replayed.get(account));
            format!("account {account} has {row:?}, and in a replay {other:?}")
        })
        .collect();
    wrong.dedup();
    wrong
}

/// Each event up to the end of the log was counted, and once.
pub(super) fn once(seen: &[Seen], head: u64) -> Vec<String> {
    let times: BTreeMap<i64, i64> = seen.iter().map(|seen| (seen.position, seen.times)).collect();
    let head = i64::try_from(head).expect("a short log");
    let counted = |position: i64| times.get(&position).copied().unwrap_or(0);
    let wrong = (1..=head).filter(|position| counted(*position) != 1);
    let mut wrong: Vec<_> = wrong
        .map(|position| format!("event {position} was counted {} times", counted(position)))
        .collect();
    let beyond = times.keys().filter(|position| !(1..=head).contains(*position));
    wrong.extend(beyond.map(|position| format!("event {position} was counted, and never stored")));
    wrong
}

/// Each event up to the end of the log was noted outside, the first time in the order of its account, and
/// every time with the same id.
pub(super) fn outside(effects: &[Effect], head: u64) -> Vec<String> {
    let (mut ids, mut last, mut wrong) = (BTreeMap::new(), BTreeMap::new(), Vec::new());
    for effect in effects {
        let first = ids.insert(effect.position, &effect.event_id);
        if first.is_some_and(|id| *id != effect.event_id) {
            wrong.push(format!("event {} came with two ids", effect.position));
        }
        if first.is_none() {
            let before = last.insert(effect.account, effect.position).unwrap_or(0);
            if before > effect.position {
                wrong.push(format!("{effect:?} came behind {before}"));
            }
        }
    }
    let missing = (1..=head).filter(|position| !ids.contains_key(position));
    wrong.extend(missing.map(|position| format!("event {position} had no effect outside")));
    wrong
}

/// Nobody who has lost a partition wrote to it: neither tokens nor positions have ever gone back, in the
/// order of commits.
pub(super) fn one_owner(steps: &[Step]) -> Vec<String> {
    let (mut last, mut wrong) = (BTreeMap::<&str, &Step>::new(), Vec::new());
    for step in steps {
        if let Some(before) = last.insert(&step.name, step)
            && (before.token > step.token || before.position > step.position)
        {
            wrong.push(format!("{step:?} was committed behind {before:?}"));
        }
    }
    wrong
}
