//! Both sides in turns, A B A B …, so that a noisy moment of the machine hits both.

use crate::broker::Broker;
use crate::measure::Sample;
use crate::options::{Comparison, Options};
use crate::place::{Place, Target};
use crate::report::Row;
use crate::store::StoreChoice;
use crate::task::{Phase, Subject, Task, Work};
use crate::{Failure, child};

/// More connections than this make plain inserts no faster.
const CONNECTIONS: u64 = 64;

/// One side: its place and what it has measured so far.
struct Side {
    /// What each process does, but for its number.
    task: Task,
    processes: u64,
    place: Place,
    samples: Vec<Sample>,
}

/// Measures a work by both sides. The medians make one row each.
pub(crate) fn compare(
    comparison: &Comparison,
    options: &Options,
    broker: Option<&Broker>,
) -> Result<Vec<Row>, Failure> {
    // No hand-written program does that.
    let unrivalled =
        matches!(comparison.work, Work::Lag | Work::Delivery { .. } | Work::Deadlines { .. });
    let alone = unrivalled || helped(comparison);
    let subjects: &[Subject] = match options.store {
        _ if alone => &[Subject::Annals],
        StoreChoice::Memory => &[Subject::Annals],
        StoreChoice::Sqlite | StoreChoice::Postgres(_) => &[Subject::Annals, Subject::Limit],
    };
    let chosen = |subject: &&Subject| options.only.is_none_or(|only| only == **subject);
    let mut sides = Vec::new();
    for &subject in subjects.iter().filter(chosen) {
        sides.push(Side::new(subject, comparison, options, broker)?);
    }
    for round in 1..=options.rounds {
        let Comparison { work, workers, events, processes } = comparison;
        let (name, case) = (work.name(), work.case(*events));
        eprintln!(
            "{name}, {case}, workers {workers}, processes {processes}: round {round} of {}",
            options.rounds
        );
        for side in &mut sides {
            side.measure(round)?;
        }
    }
    let mut rows: Vec<Row> = sides.iter().map(|side| side.row(comparison, options)).collect();
    if let [annals, limit] = rows.as_mut_slice() {
        annals.ratio = Some(ratio(comparison.work, annals, limit));
    }
    Ok(rows)
}

/// Whether a rebuild is shared by several processes.
fn helped(comparison: &Comparison) -> bool {
    matches!(comparison.work, Work::Rebuild { .. }) && comparison.processes > 1
}

/// How fast Annals is, as a part of the limit: above 1 it is faster. Rates are compared where the
/// work is bound by speed, medians of the time where the pace is given.
fn ratio(work: Work, annals: &Row, limit: &Row) -> f64 {
    match (work, annals.p50_ms, limit.p50_ms) {
        (Work::Latency, Some(annals), Some(limit)) => limit / annals,
        _ => annals.events_per_s / limit.events_per_s,
    }
}

/// How many of the workers a side has, in all its processes.
fn workers_of(subject: Subject, comparison: &Comparison, store: &StoreChoice) -> u64 {
    match (subject, store) {
        (Subject::Annals, _) => comparison.workers,
        // A hundred rows a statement are for one connection.
        (Subject::Limit, StoreChoice::Postgres(_))
            if matches!(comparison.work, Work::Append { per_commit: 2.., .. }) =>
        {
            comparison.processes
        }
        (Subject::Limit, StoreChoice::Postgres(_)) => comparison.workers.min(CONNECTIONS),
        // SQLite has one writer, and so has the hand-written program.
        (Subject::Limit, _) => 1,
    }
}

impl Side {
    fn new(
        subject: Subject,
        comparison: &Comparison,
        options: &Options,
        broker: Option<&Broker>,
    ) -> Result<Self, Failure> {
        let place = Place::new(&options.store, subject, options.directory.as_deref())?;
        let shares = match comparison.work {
            Work::Append { .. } => comparison.processes,
            _ => 1,
        };
        let task = Task {
            phase: Phase::Measure,
            subject,
            work: comparison.work,
            target: place.target(),
            synchronous: options.synchronous,
            broker: broker.map(|broker| broker.url.clone()),
            workers: (workers_of(subject, comparison, &options.store) / shares).max(1),
            events: comparison.events / shares,
            process: 0,
            round: 0,
        };
        Ok(Self { task, processes: comparison.processes, place, samples: Vec::new() })
    }

    fn measure(&mut self, round: u64) -> Result<(), Failure> {
        if self.samples.is_empty() || !self.task.work.keeps_history() {
            self.place.empty()?;
            // A store in memory lives and dies with the process that measures.
            if self.task.target != Target::Memory {
                child::run(&[Task { phase: Phase::Prepare, round, ..self.task.clone() }])?;
                self.place.settle()?;
            }
        }
        let process = |process| Task { process, round, ..self.task.clone() };
        let tasks: Vec<Task> = (0..self.processes).map(process).collect();
        let measured = child::run(&tasks)?;
        self.samples.push(match self.task.work {
            Work::Latency | Work::Lag | Work::Delivery { .. } if measured.len() > 1 => {
                Sample::apart(&measured)?
            }
            _ => Sample::together(&measured),
        });
        Ok(())
    }

    fn row(&self, comparison: &Comparison, options: &Options) -> Row {
        let medians = |of: fn(&Sample) -> Option<f64>| median(self.samples.iter().filter_map(of));
        Row {
            workload: comparison.work.name(),
            case: comparison.work.case(comparison.events),
            store: options.store.name(),
            broker: options
                .broker
                .as_ref()
                .filter(|_| comparison.work.sends())
                .map(|b| b.name().to_owned()),
            subject: self.task.subject,
            workers: workers_of(self.task.subject, comparison, &options.store),
            processes: comparison.processes,
            history: comparison.work.history(comparison.events),
            events_per_s: medians(|sample| Some(sample.events_per_s)).unwrap_or_default(),
            p50_ms: medians(|sample| sample.p50_ms),
            p99_ms: medians(|sample| sample.p99_ms),
            peak_rss_mb: medians(|sample| Some(sample.peak_rss_mb)).unwrap_or_default(),
            ratio: None,
        }
    }
}

fn median(values: impl Iterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}
