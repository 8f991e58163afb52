//! The read models as tables and bar charts.

use std::collections::BTreeMap;

use super::bars::bar;
use super::{number, table, title};
use crate::read_models::{Activity, Amounts, DAYS, Decided, Outcome, ReadModels, State, WorkDay};

/// How many people are shown.
const MOST_PEOPLE: usize = 10;

/// Prints one table a question.
pub(crate) fn read_models(rows: &ReadModels) {
    let standing = rows.applications.iter().map(|row| row.state.as_str());
    funnel(&rows.funnel, standing);
    decision_days(&rows.decided, rows.open.len() as u64);
    amounts(rows);
    activities(&rows.activities);
    people(&rows.work);
    weekdays(&rows.work);
}

fn funnel<'r>(states: &[State], standing: impl Iterator<Item = &'r str>) {
    title("How many applications reached each state?");
    let mut now: BTreeMap<&str, u64> = BTreeMap::new();
    standing.for_each(|state| *now.entry(state).or_default() += 1);
    let mut states: Vec<&State> = states.iter().collect();
    states.sort_by_key(|row| std::cmp::Reverse(row.applications));
    let most = states.first().map_or(0, |row| row.applications.unsigned_abs());
    let mut table = table(&["state", ">reached", ">still there", ""]);
    for row in states {
        let reached = row.applications.unsigned_abs();
        let there = now.get(row.state.as_str()).copied().unwrap_or_default();
        table.add_row([row.state.clone(), number(reached), number(there), bar(reached, most, 40)]);
    }
    println!("{table}");
}

fn decision_days(rows: &[Decided], open: u64) {
    title("How many days from submission to decision?");
    let find = |outcome: Outcome, class: usize| {
        rows.iter().find(|row| row.outcome == outcome.name() && usize::from(row.class) == class)
    };
    let mut table = table(&["", ">approved", ">declined", ">cancelled", "all of them"]);
    let counts: Vec<[u64; 3]> = (0..DAYS.len())
        .map(|class| {
            Outcome::ALL.map(|outcome| {
                find(outcome, class).map_or(0, |row| row.applications.unsigned_abs())
            })
        })
        .collect();
    let most = counts.iter().map(|row| row.iter().sum::<u64>()).max().unwrap_or_default();
    for ((_, label), row) in DAYS.iter().zip(&counts) {
        let [approved, declined, cancelled] = row.map(number);
        let bar = bar(row.iter().sum(), most, 30);
        table.add_row([(*label).to_owned(), approved, declined, cancelled, bar]);
    }
    let mean = Outcome::ALL.map(|outcome| {
        let own = || rows.iter().filter(|row| row.outcome == outcome.name());
        let applications: i64 = own().map(|row| row.applications).sum();
        let seconds: i64 = own().map(|row| row.seconds).sum();
        format!("{:.1}", seconds as f64 / 86_400.0 / applications.max(1) as f64)
    });
    let [approved, declined, cancelled] = mean;
    table.add_row(["mean days".to_owned(), approved, declined, cancelled, String::new()]);
    println!("{table}\n{} applications were still open when the log ended", number(open));
}

fn amounts(rows: &ReadModels) {
    title("How much was asked for?");
    let mut table =
        table(&["outcome", ">applications", ">EUR in all", ">mean", ">smallest", ">largest", ""]);
    let open: Vec<u32> = rows.open.iter().map(|row| row.amount_eur).collect();
    let open = Amounts {
        outcome: "(open)".to_owned(),
        applications: open.len() as i64,
        total_eur: open.iter().copied().map(i64::from).sum(),
        smallest_eur: open.iter().copied().min().unwrap_or_default(),
        largest_eur: open.iter().copied().max().unwrap_or_default(),
    };
    let all = || rows.amounts.iter().chain([&open]);
    let most = all().map(|row| row.total_eur.unsigned_abs()).max().unwrap_or_default();
    for row in all() {
        let total = row.total_eur.unsigned_abs();
        let applications = row.applications.unsigned_abs();
        table.add_row([
            row.outcome.clone(),
            number(applications),
            number(total),
            number(total / applications.max(1)),
            number(row.smallest_eur.into()),
            number(row.largest_eur.into()),
            bar(total, most, 20),
        ]);
    }
    println!("{table}");
}

fn activities(rows: &[Activity]) {
    title("How often does each kind of work happen?");
    let mut table = table(&["work", ">scheduled", ">started", ">completed", ""]);
    let mut tasks: BTreeMap<&str, [u64; 3]> = BTreeMap::new();
    for row in rows.iter().filter(|row| row.family == "work") {
        let phases = tasks.entry(&row.activity).or_default();
        let phase = ["scheduled", "started", "completed"].iter().position(|p| *p == row.phase);
        if let Some(phase) = phase {
            phases[phase] += row.events.unsigned_abs();
        }
    }
    let most = tasks.values().map(|phases| phases[2]).max().unwrap_or_default();
    for (task, phases) in tasks {
        let [scheduled, started, completed] = phases.map(number);
        let bar = bar(phases[2], most, 30);
        table.add_row([task.to_owned(), scheduled, started, completed, bar]);
    }
    println!("{table}");
}

fn people(days: &[WorkDay]) {
    let mut people: BTreeMap<&str, Vec<&WorkDay>> = BTreeMap::new();
    days.iter().for_each(|day| people.entry(&day.resource).or_default().push(day));
    title(&format!(
        "Who does the work? The busiest {MOST_PEOPLE} of {}",
        number(people.len() as u64)
    ));
    let completed = |days: &[&WorkDay]| days.iter().map(|day| u64::from(day.completed)).sum();
    let mut people: Vec<(&str, Vec<&WorkDay>, u64)> = people
        .into_iter()
        .map(|(resource, days)| {
            let all = completed(&days);
            (resource, days, all)
        })
        .collect();
    people.sort_by_key(|(_, _, all)| std::cmp::Reverse(*all));
    let most = people.first().map_or(0, |(_, _, all)| *all);
    let mut table =
        table(&["resource", ">completed", ">days", ">a day", ">busiest day", ">completed", ""]);
    for (resource, days, all) in people.iter().take(MOST_PEOPLE) {
        // Of equal days the first.
        let busiest = days.iter().rev().max_by_key(|day| day.completed);
        table.add_row([
            (*resource).to_owned(),
            number(*all),
            number(days.len() as u64),
            format!("{:.1}", *all as f64 / days.len().max(1) as f64),
            busiest.map(|day| day.day.to_string()).unwrap_or_default(),
            busiest.map(|day| number(day.completed.into())).unwrap_or_default(),
            bar(*all, most, 20),
        ]);
    }
    println!("{table}");
}

fn weekdays(days: &[WorkDay]) {
    const NAMES: [&str; 7] =
        ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
    title("On which days is work completed?");
    let mut counts = [0_u64; 7];
    for day in days {
        // 0 to 6, from Monday.
        let weekday = day.day.weekday().to_monday_zero_offset();
        counts[usize::from(weekday.unsigned_abs())] += u64::from(day.completed);
    }
    let most = counts.iter().copied().max().unwrap_or_default();
    let mut table = table(&["day", ">completed", ""]);
    for (name, count) in NAMES.iter().zip(counts) {
        table.add_row([(*name).to_owned(), number(count), bar(count, most, 40)]);
    }
    println!("{table}");
}
