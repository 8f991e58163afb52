//! The command line, and what it asks for.

use std::path::PathBuf;

use clap::{Parser, ValueEnum};

use crate::task::{StoreKind, Synchronous, Work};

/// Measures Annals beside a hand-written program that does the same work.
#[derive(Parser, Debug)]
#[command(name = "annals-bench")]
pub(crate) struct Options {
    /// What to measure.
    #[arg(value_enum, required_unless_present = "child")]
    pub(crate) workload: Option<Workload>,

    /// Where events are kept. There is a hand-written program for sqlite only.
    #[arg(long, value_enum, default_value = "sqlite")]
    pub(crate) store: StoreKind,

    /// How many tasks write at the same time. Default: append and append10 at 1, 8 and 32, command
    /// at 1 and 32.
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..=1024))]
    pub(crate) workers: Option<u64>,

    /// How many events: appended, or in the history that is loaded or rebuilt.
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..=100_000_000))]
    pub(crate) events: Option<u64>,

    /// How often each side runs; medians are printed.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..=99))]
    pub(crate) rounds: u64,

    /// When SQLite acknowledges a commit, on both sides.
    #[arg(long, value_enum, default_value = "full")]
    pub(crate) synchronous: Synchronous,

    /// One JSON line a row, instead of a table.
    #[arg(long)]
    pub(crate) json: bool,

    /// Where the database files are made and removed again: a real disk, or commits cost nothing.
    /// Default: the system's directory for temporary files.
    #[arg(long)]
    pub(crate) directory: Option<PathBuf>,

    /// One measurement in a process of its own; for this program itself.
    #[arg(long, hide = true, conflicts_with = "workload")]
    pub(crate) child: Option<String>,
}

#[derive(ValueEnum, Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Workload {
    /// One event a commit.
    Append,
    /// Ten events a commit.
    Append10,
    /// An aggregate of 10, 100, 1,000 and 10,000 events, without a cache.
    Load,
    /// Load 20 events, decide, append one; with the cache of states and without.
    Command,
    /// 200,000 events into 10,000 rows.
    Rebuild,
    /// From the append to the row that shows it, at 50 appends a second.
    Latency,
    /// Every one of them.
    All,
}

/// One work, at one number of workers: a pair of rows.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Comparison {
    pub(crate) work: Work,
    pub(crate) workers: u64,
    pub(crate) events: u64,
}

impl Options {
    pub(crate) fn comparisons(&self) -> Vec<Comparison> {
        let all = [
            Workload::Append,
            Workload::Append10,
            Workload::Load,
            Workload::Command,
            Workload::Rebuild,
            Workload::Latency,
        ];
        match self.workload {
            // clap has seen to it that there is a workload where there is no child.
            None => Vec::new(),
            Some(Workload::All) => all.into_iter().flat_map(|one| self.of(one)).collect(),
            Some(one) => self.of(one),
        }
    }

    fn of(&self, workload: Workload) -> Vec<Comparison> {
        let (works, workers): (Vec<Work>, &[u64]) = match workload {
            Workload::Append => (vec![Work::Append { per_commit: 1 }], &[1, 8, 32]),
            Workload::Append10 => (vec![Work::Append { per_commit: 10 }], &[1, 8, 32]),
            Workload::Load => (self.loads(), &[1]),
            Workload::Command => {
                (vec![Work::Command { cached: true }, Work::Command { cached: false }], &[1, 32])
            }
            Workload::Rebuild => (vec![Work::Rebuild], &[1]),
            Workload::Latency | Workload::All => (vec![Work::Latency], &[1]),
        };
        let parallel = workers.len() > 1;
        let chosen: Vec<u64> = match self.workers {
            Some(workers) if parallel => vec![workers],
            _ => workers.to_vec(),
        };
        let pairs = works.iter().flat_map(|work| chosen.iter().map(move |workers| (work, workers)));
        pairs
            .map(|(&work, &workers)| Comparison {
                work,
                workers,
                events: self.events.unwrap_or_else(|| work.default_events(workers)),
            })
            .collect()
    }

    /// Loads of one length when it is given, of four lengths otherwise.
    fn loads(&self) -> Vec<Work> {
        let lengths = self.events.map_or(vec![10, 100, 1_000, 10_000], |events| vec![events]);
        lengths.into_iter().map(|length| Work::Load { length }).collect()
    }
}
