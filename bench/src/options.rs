//! The command line, and what it asks for.

use std::path::PathBuf;

use clap::{Parser, ValueEnum};

use crate::Failure;
use crate::broker::BrokerChoice;
use crate::store::StoreChoice;
use crate::task::{PARTITIONS, Subject, Synchronous, Work};

/// Measures Annals beside a hand-written program that does the same work.
#[derive(Parser, Debug)]
#[command(name = "annals-bench")]
pub(crate) struct Options {
    /// What to measure.
    #[arg(value_enum, required_unless_present = "child")]
    pub(crate) workload: Option<Workload>,

    /// Where events are kept: memory, sqlite, or a database as postgres://user@host/database, in
    /// which schemas are made and dropped. There is no hand-written program for memory.
    #[arg(long, default_value = "sqlite", value_name = "memory|sqlite|URL")]
    pub(crate) store: StoreChoice,

    /// What publish, consume and delivery send messages over: a private server by its name, or one that is
    /// there by its URL.
    #[arg(long, value_name = "amqp|kafka|nats|redis|URL")]
    pub(crate) broker: Option<BrokerChoice>,

    /// How many tasks write at the same time, in all processes together. Default: append and
    /// append10 at 1, 8 and 32 (on PostgreSQL at 128 too), command at 1 and 32 (on PostgreSQL at 8
    /// too), saga and saga-continue, where they are partitions, at 1 and 8 of 1, 2, 4 and 8.
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..=1024))]
    pub(crate) workers: Option<u64>,

    /// How many processes share the workers of append and append10, or the partitions of rebuild, on
    /// PostgreSQL.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=64))]
    pub(crate) processes: u64,

    /// Into how many partitions the read model of rebuild is cut.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=64))]
    pub(crate) partitions: u32,

    /// How many events the log has before append and append10.
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u64).range(..=100_000_000))]
    pub(crate) prefill: u64,

    /// How many events: appended, or in the history that is loaded or rebuilt.
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..=100_000_000))]
    pub(crate) events: Option<u64>,

    /// Measures one side alone, and no ratio.
    #[arg(long, value_enum)]
    pub(crate) only: Option<Subject>,

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

    /// Draws how events/s hold up as the log grows into an SVG file.
    #[arg(long, value_name = "FILE")]
    pub(crate) plot: Option<PathBuf>,

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
    /// 1,000,000 events by a handler that runs one statement an event.
    CatchUp,
    /// From the append to the row that shows it, at 50 appends a second.
    Latency,
    /// From the append to the read model of another process that is past it, at 5,000 appends a second,
    /// on PostgreSQL.
    Lag,
    /// A history of 200,000 events, in bulk.
    Import,
    /// A relay sends a log of 200,000 events to a --broker, on PostgreSQL.
    Publish,
    /// Another service takes 200,000 messages of a --broker into its table, on PostgreSQL.
    Consume,
    /// From the append to the table of another service, over a --broker, at 50 and 2,000 appends a second,
    /// on PostgreSQL.
    Delivery,
    /// A saga is told 20,000 events, each of which begins an instance.
    Saga,
    /// A saga is told 20,000 events, each for an instance that is open, and not in memory.
    SagaContinue,
    /// 20,000 deadlines of a saga: all due at once, and 1,000 a second.
    Deadlines,
    /// Steps of a saga with 10,000 instances open and with 1,000,000, or --events, which takes minutes.
    Open,
    /// append and rebuild on a log of 0.1, 1, 3 and 10 million events, or of --events.
    Growth,
    /// Every one of them but open and growth; those with messages if there is a --broker.
    All,
}

/// One work, at one number of workers: a pair of rows.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Comparison {
    pub(crate) work: Work,
    pub(crate) workers: u64,
    pub(crate) events: u64,
    pub(crate) processes: u64,
}

impl Options {
    pub(crate) fn comparisons(&self) -> Result<Vec<Comparison>, Failure> {
        if self.processes > 1 && !self.store.is_postgres() {
            return Err("several --processes need a --store postgres://… that they share".into());
        }
        let all = [
            Workload::Append,
            Workload::Append10,
            Workload::Load,
            Workload::Command,
            Workload::Rebuild,
            Workload::CatchUp,
            Workload::Latency,
            Workload::Lag,
            Workload::Import,
            Workload::Publish,
            Workload::Consume,
            Workload::Delivery,
            Workload::Saga,
            Workload::SagaContinue,
            Workload::Deadlines,
        ];
        let comparisons: Vec<Comparison> = match self.workload {
            // clap has seen to it that there is a workload where there is no child.
            None => Vec::new(),
            Some(Workload::All) => all.into_iter().flat_map(|one| self.of(one)).collect(),
            Some(Workload::Growth) => self.growth(),
            Some(one) => self.of(one),
        };
        match comparisons.is_empty() {
            true => Err(
                "--workers cannot be divided among --processes: choose a multiple of them; and \
                     lag needs a --store postgres://…, and publish, consume and delivery a --broker, too; \
                     saga and saga-continue have 1, 2, 4 or 8 --workers"
                    .into(),
            ),
            false => Ok(comparisons),
        }
    }

    fn of(&self, workload: Workload) -> Vec<Comparison> {
        let postgres = self.store.is_postgres();
        let append = |per_commit| vec![Work::Append { per_commit, prefill: self.prefill }];
        let appenders: &[u64] = if postgres { &[1, 8, 32, 128] } else { &[1, 8, 32] };
        let (works, workers): (Vec<Work>, &[u64]) = match workload {
            Workload::Append => (append(1), appenders),
            Workload::Append10 => (append(10), appenders),
            Workload::Load => (self.loads(), &[1]),
            Workload::Command => (
                vec![Work::Command { cached: true }, Work::Command { cached: false }],
                if postgres { &[1, 8, 32] } else { &[1, 32] },
            ),
            Workload::Rebuild => (vec![Work::Rebuild { partitions: self.partitions }], &[1]),
            Workload::CatchUp => (vec![Work::CatchUp], &[1]),
            Workload::Lag if !postgres => (Vec::new(), &[1]),
            Workload::Publish | Workload::Consume | Workload::Delivery
                if !postgres || self.broker.is_none() =>
            {
                (Vec::new(), &[1])
            }
            Workload::Publish => (vec![Work::Publish], &[1]),
            Workload::Consume => (vec![Work::Consume], &[1]),
            Workload::Delivery => {
                (vec![Work::Delivery { pace: 50 }, Work::Delivery { pace: 2_000 }], &[1])
            }
            Workload::Lag => (vec![Work::Lag], &[1]),
            Workload::Import => (vec![Work::Import], &[1]),
            Workload::Saga => (vec![Work::Saga { continues: false }], &[1, 8]),
            Workload::SagaContinue => (vec![Work::Saga { continues: true }], &[1, 8]),
            Workload::Deadlines => {
                let all = Work::Deadlines { pace: None };
                (vec![all, Work::Deadlines { pace: Some(1_000) }], &[1])
            }
            Workload::Open => (vec![Work::Open { share: 100 }, Work::Open { share: 1 }], &[1]),
            Workload::Latency | Workload::Growth | Workload::All => (vec![Work::Latency], &[1]),
        };
        let parallel = workers.len() > 1;
        let chosen: Vec<u64> = match self.workers {
            Some(workers) if parallel => vec![workers],
            _ => workers.to_vec(),
        };
        let pairs = works.iter().flat_map(|work| chosen.iter().map(move |workers| (work, workers)));
        pairs.filter_map(|(&work, &workers)| self.comparison(work, workers, self.events)).collect()
    }

    /// Nothing where the workers cannot be divided among the processes, or are no partitions of a saga.
    fn comparison(&self, work: Work, workers: u64, events: Option<u64>) -> Option<Comparison> {
        let processes = match work {
            Work::Append { .. } | Work::Rebuild { .. } => self.processes,
            // One that appends, one that projects.
            Work::Lag | Work::Delivery { .. } => 2,
            Work::Latency if self.store.is_postgres() => 2,
            _ => 1,
        };
        let events = events.unwrap_or_else(|| work.default_events(workers));
        let divides = matches!(work, Work::Append { .. });
        let divisible = !divides || workers.is_multiple_of(processes);
        let fits = !matches!(work, Work::Saga { .. }) || PARTITIONS.contains(&workers);
        (divisible && fits).then_some(Comparison { work, workers, events, processes })
    }

    /// append and rebuild at every length of the log.
    fn growth(&self) -> Vec<Comparison> {
        let lengths = [100_000, 1_000_000, 3_000_000, 10_000_000];
        let lengths = self.events.map_or(lengths.to_vec(), |events| vec![events]);
        let at = |length| {
            let append = Work::Append { per_commit: 1, prefill: length };
            let appended = self.comparison(append, self.workers.unwrap_or(32), None);
            [appended, self.comparison(Work::Rebuild { partitions: 1 }, 1, Some(length))]
        };
        lengths.into_iter().flat_map(at).flatten().collect()
    }

    /// Loads of one length when it is given, of four lengths otherwise.
    fn loads(&self) -> Vec<Work> {
        let lengths = self.events.map_or(vec![10, 100, 1_000, 10_000], |events| vec![events]);
        lengths.into_iter().map(|length| Work::Load { length }).collect()
    }
}
