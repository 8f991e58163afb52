//! Both sides in turns, A B A B …, so that a noisy moment of the machine hits both.

use std::path::Path;

use tempfile::TempDir;

use crate::measure::Sample;
use crate::options::{Comparison, Options};
use crate::report::Row;
use crate::task::{Phase, StoreKind, Subject, Task, Work};
use crate::{Failure, child};

/// One side: its directory and what it has measured so far.
struct Side {
    task: Task,
    directory: TempDir,
    samples: Vec<Sample>,
}

/// Measures a work by both sides. The medians make one row each.
pub(crate) fn compare(comparison: &Comparison, options: &Options) -> Result<Vec<Row>, Failure> {
    let subjects: &[Subject] = match options.store {
        StoreKind::Memory => &[Subject::Annals],
        StoreKind::Sqlite => &[Subject::Annals, Subject::Limit],
    };
    let mut sides = Vec::new();
    for &subject in subjects {
        sides.push(Side::new(subject, comparison, options)?);
    }
    for round in 1..=options.rounds {
        let Comparison { work, workers, events } = comparison;
        let (name, case) = (work.name(), work.case(*events));
        eprintln!("{name}, {case}, workers {workers}: round {round} of {}", options.rounds);
        for side in &mut sides {
            side.measure()?;
        }
    }
    let mut rows: Vec<Row> = sides.iter().map(|side| side.row(comparison)).collect();
    if let [annals, limit] = rows.as_mut_slice() {
        annals.ratio = Some(ratio(comparison.work, annals, limit));
    }
    Ok(rows)
}

/// How fast Annals is, as a part of the limit: above 1 it is faster. Rates are compared where the
/// work is bound by speed, medians of the time where the pace is given.
fn ratio(work: Work, annals: &Row, limit: &Row) -> f64 {
    match (work, annals.p50_ms, limit.p50_ms) {
        (Work::Latency, Some(annals), Some(limit)) => limit / annals,
        _ => annals.events_per_s / limit.events_per_s,
    }
}

impl Side {
    fn new(subject: Subject, comparison: &Comparison, options: &Options) -> Result<Self, Failure> {
        let directory = new_directory(options.directory.as_deref())?;
        let task = Task {
            phase: Phase::Measure,
            subject,
            work: comparison.work,
            store: options.store,
            synchronous: options.synchronous,
            workers: comparison.workers,
            events: comparison.events,
            directory: directory.path().to_owned(),
        };
        Ok(Self { task, directory, samples: Vec::new() })
    }

    fn measure(&mut self) -> Result<(), Failure> {
        let first = self.samples.is_empty();
        if first || !self.task.work.keeps_history() {
            self.empty()?;
            // A store in memory lives and dies with the process that measures.
            if self.task.work.needs_history() && self.task.store == StoreKind::Sqlite {
                child::run(&Task { phase: Phase::Prepare, ..self.task.clone() })?;
            }
        }
        self.samples.push(child::run(&self.task)?);
        Ok(())
    }

    fn empty(&self) -> Result<(), Failure> {
        for file in std::fs::read_dir(self.directory.path())? {
            std::fs::remove_file(file?.path())?;
        }
        Ok(())
    }

    fn row(&self, comparison: &Comparison) -> Row {
        let medians = |of: fn(&Sample) -> Option<f64>| median(self.samples.iter().filter_map(of));
        Row {
            workload: comparison.work.name(),
            case: comparison.work.case(comparison.events),
            store: self.task.store,
            subject: self.task.subject,
            // SQLite has one writer, and so has the hand-written program.
            workers: match self.task.subject {
                Subject::Annals => comparison.workers,
                Subject::Limit => 1,
            },
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

fn new_directory(parent: Option<&Path>) -> Result<TempDir, Failure> {
    let mut builder = tempfile::Builder::new();
    let builder = builder.prefix("annals-bench-");
    match parent {
        None => Ok(builder.tempdir()?),
        Some(parent) => builder.tempdir_in(parent).map_err(|error| {
            format!("no files can be made in {}: {error}", parent.display()).into()
        }),
    }
}
