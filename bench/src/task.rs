//! One measurement, as it is handed to a process of its own.

use std::time::Duration;

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use crate::place::Target;

/// How many accounts a read model of `rebuild` has.
pub(crate) const ACCOUNTS: u64 = 10_000;

/// How many events each account of `command` has behind it.
pub(crate) const HISTORY: u64 = 20;

/// How many streams each worker of `append` appends to in turn.
pub(crate) const STREAMS: u64 = 100;

/// 50 appends a second.
pub(crate) const LATENCY_PACE: Duration = Duration::from_millis(20);

/// So many tasks append in `lag`, each so many events a second.
pub(crate) const LAG_WORKERS: u64 = 8;
pub(crate) const LAG_PACE: u64 = 625;

/// Into so many partitions a saga can be cut here: it is said by its type.
pub(crate) const PARTITIONS: [u64; 4] = [1, 2, 4, 8];

/// How many accounts take turns in `latency`.
pub(crate) const LATENCY_ACCOUNTS: u64 = 100;

/// The process that appends, where another one projects; and the one that rebuilds, where others help.
pub(crate) const FIRST: u64 = 0;

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
pub(crate) enum Synchronous {
    Full,
    Normal,
}

/// Who does the work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Subject {
    /// As a user would write it.
    Annals,
    /// The hand-written program.
    Limit,
}

impl Subject {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Annals => "annals",
            Self::Limit => "limit",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Work {
    /// To a log that has so many events already.
    Append {
        per_commit: u64,
        prefill: u64,
    },
    Load {
        length: u64,
    },
    Command {
        cached: bool,
    },
    /// In so many partitions.
    Rebuild {
        partitions: u32,
    },
    /// A handler that runs one statement an event.
    CatchUp,
    Latency,
    /// How far a read model is behind the appends of other processes.
    Lag,
    /// A log to a broker.
    Publish,
    /// From a broker into another service's table.
    Consume,
    /// From the append to the other service's table, so many events a second.
    Delivery {
        pace: u64,
    },
    Import,
    /// Each event begins an instance of a saga, or is the second that one is told.
    Saga {
        continues: bool,
    },
    /// Deadlines of a saga: all of them are due, or so many become due a second.
    Deadlines {
        pace: Option<u64>,
    },
    /// Steps of a saga while many instances are open: one for each of so many events.
    Open {
        share: u64,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Phase {
    /// Makes the tables, and the history that the work needs.
    Prepare,
    Measure,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Task {
    pub(crate) phase: Phase,
    pub(crate) subject: Subject,
    pub(crate) work: Work,
    pub(crate) target: Target,
    pub(crate) synchronous: Synchronous,
    /// The URL of the broker, where there is one.
    pub(crate) broker: Option<String>,
    /// In this process.
    pub(crate) workers: u64,
    /// In this process.
    pub(crate) events: u64,
    /// From 0, so that processes and rounds keep to streams of their own.
    pub(crate) process: u64,
    pub(crate) round: u64,
}

impl Work {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Append { per_commit: 1, .. } => "append",
            Self::Append { .. } => "append10",
            Self::Load { .. } => "load",
            Self::Command { .. } => "command",
            Self::Rebuild { .. } => "rebuild",
            Self::CatchUp => "catch-up",
            Self::Latency => "latency",
            Self::Lag => "lag",
            Self::Publish => "publish",
            Self::Consume => "consume",
            Self::Delivery { .. } => "delivery",
            Self::Import => "import",
            Self::Saga { continues: false } => "saga",
            Self::Saga { continues: true } => "saga-continue",
            Self::Deadlines { .. } => "deadlines",
            Self::Open { .. } => "open",
        }
    }

    /// What tells this one from others of the name.
    pub(crate) fn case(self, events: u64) -> String {
        match self {
            Self::Load { length } => format!("{length} events"),
            Self::Command { cached: true } => "cache on".to_owned(),
            Self::Command { cached: false } => "cache off".to_owned(),
            Self::Rebuild { partitions: partitions @ 2.. } => {
                format!("{events} events, {partitions} partitions")
            }
            Self::Append { prefill: 0, .. }
            | Self::Rebuild { .. }
            | Self::CatchUp
            | Self::Publish
            | Self::Consume
            | Self::Saga { .. }
            | Self::Import => format!("{events} events"),
            Self::Deadlines { pace: None } => format!("{events} at once"),
            Self::Deadlines { pace: Some(pace) } => format!("{pace}/s"),
            Self::Open { share } => format!("{} open", (events / share).max(1)),
            Self::Append { prefill, .. } => format!("{events} events after {prefill}"),
            Self::Latency => "50/s".to_owned(),
            Self::Lag => format!("{}/s", LAG_WORKERS * LAG_PACE),
            Self::Delivery { pace } => format!("{pace}/s"),
        }
    }

    /// Enough to take about a second.
    pub(crate) fn default_events(self, workers: u64) -> u64 {
        match self {
            Self::Append { per_commit, .. } => 10_000 * per_commit.min(5) * workers.min(4),
            Self::Load { length } => length,
            Self::Command { .. } => 5_000,
            Self::Rebuild { .. } | Self::Import | Self::Publish | Self::Consume => 200_000,
            Self::Delivery { pace } => pace * 20,
            Self::CatchUp => 1_000_000,
            Self::Latency => 500,
            Self::Lag => 50_000,
            Self::Saga { .. } | Self::Deadlines { .. } => 20_000,
            Self::Open { .. } => 1_000_000,
        }
    }

    /// How many events the log has before the work.
    pub(crate) fn history(self, events: u64) -> u64 {
        let (accounts, each) = self.accounts(events);
        accounts * each
    }

    /// So many accounts, so many events each.
    fn accounts(self, events: u64) -> (u64, u64) {
        match self {
            // Enough streams for the one that is loaded to be a small part of the log, as it is in
            // life: of two, a planner reads both.
            Self::Load { length } => ((20_000 / length).clamp(20, 200), length),
            Self::Command { .. } => (events, HISTORY),
            Self::Rebuild { .. } | Self::CatchUp | Self::Publish => spread(events),
            Self::Append { prefill, .. } => spread(prefill),
            Self::Saga { .. } => (events, 1),
            Self::Open { share } => ((events / share).max(1), 1),
            Self::Latency
            | Self::Lag
            | Self::Import
            | Self::Consume
            | Self::Delivery { .. }
            | Self::Deadlines { .. } => (0, 0),
        }
    }

    /// Whether a round finds the history as the first one did, or with a little more at its end.
    pub(crate) fn keeps_history(self) -> bool {
        match self {
            Self::Load { .. } | Self::Rebuild { .. } => true,
            Self::Append { prefill, .. } => prefill > 0,
            Self::Command { .. }
            | Self::CatchUp
            | Self::Latency
            | Self::Lag
            | Self::Publish
            | Self::Consume
            | Self::Delivery { .. }
            | Self::Saga { .. }
            | Self::Deadlines { .. }
            | Self::Open { .. }
            | Self::Import => false,
        }
    }
}

impl Task {
    /// The number of the account that a worker of `append` turns to at its `n`-th commit. Nobody
    /// else appends to it, and the history has not.
    pub(crate) fn append_account(&self, worker: u64, n: u64) -> u64 {
        let place = (self.round * 1_024 + self.process) * 1_024 + worker;
        ACCOUNTS + place * STREAMS + n % STREAMS
    }
}

impl Work {
    /// Whether it sends messages over a broker.
    pub(crate) fn sends(self) -> bool {
        matches!(self, Self::Publish | Self::Consume | Self::Delivery { .. })
    }
}

/// The history that a work needs: so many accounts, so many events each.
pub(crate) fn history(task: &Task) -> (u64, u64) {
    task.work.accounts(task.events)
}

/// What `import` brings: so many accounts, so many events each.
pub(crate) fn imported(task: &Task) -> (u64, u64) {
    spread(task.events)
}

pub(crate) fn spread(events: u64) -> (u64, u64) {
    match ACCOUNTS.min(events) {
        0 => (0, 0),
        accounts => (accounts, events / accounts),
    }
}
