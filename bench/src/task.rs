//! One measurement, as it is handed to a process of its own.

use std::path::PathBuf;

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

/// How many accounts a read model of `rebuild` has.
pub(crate) const ACCOUNTS: u64 = 10_000;

/// How many events each account of `command` has behind it.
pub(crate) const HISTORY: u64 = 20;

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum StoreKind {
    Memory,
    Sqlite,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
pub(crate) enum Synchronous {
    Full,
    Normal,
}

/// Who does the work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Subject {
    Annals,
    /// The hand-written program.
    Limit,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Work {
    Append { per_commit: u64 },
    Load { length: u64 },
    Command { cached: bool },
    Rebuild,
    Latency,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Phase {
    /// Makes the history that the work needs.
    Prepare,
    Measure,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Task {
    pub(crate) phase: Phase,
    pub(crate) subject: Subject,
    pub(crate) work: Work,
    pub(crate) store: StoreKind,
    pub(crate) synchronous: Synchronous,
    pub(crate) workers: u64,
    pub(crate) events: u64,
    pub(crate) directory: PathBuf,
}

impl Work {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Append { per_commit: 1 } => "append",
            Self::Append { .. } => "append10",
            Self::Load { .. } => "load",
            Self::Command { .. } => "command",
            Self::Rebuild => "rebuild",
            Self::Latency => "latency",
        }
    }

    /// What tells this one from others of the name.
    pub(crate) fn case(self, events: u64) -> String {
        match self {
            Self::Load { length } => format!("{length} events"),
            Self::Command { cached: true } => "cache on".to_owned(),
            Self::Command { cached: false } => "cache off".to_owned(),
            Self::Append { .. } | Self::Rebuild => format!("{events} events"),
            Self::Latency => "50/s".to_owned(),
        }
    }

    /// Enough to take about a second.
    pub(crate) fn default_events(self, workers: u64) -> u64 {
        match self {
            Self::Append { per_commit } => 10_000 * per_commit.min(5) * workers.min(4),
            Self::Load { length } => length,
            Self::Command { .. } => 5_000,
            Self::Rebuild => 200_000,
            Self::Latency => 500,
        }
    }

    /// Whether a history comes first.
    pub(crate) fn needs_history(self) -> bool {
        matches!(self, Self::Load { .. } | Self::Command { .. } | Self::Rebuild)
    }

    /// Whether the history is the same after the work as before it.
    pub(crate) fn keeps_history(self) -> bool {
        matches!(self, Self::Load { .. } | Self::Rebuild)
    }
}

/// The history that a work needs: so many accounts, so many events each.
pub(crate) fn history(task: &Task) -> (u64, u64) {
    match task.work {
        // Streams of 10,000 events are long enough for two of them to lie apart in the file.
        Work::Load { length } => ((20_000 / length).clamp(2, 200), length),
        Work::Command { .. } => (task.events, HISTORY),
        Work::Rebuild => {
            let accounts = ACCOUNTS.min(task.events);
            (accounts, task.events / accounts)
        }
        Work::Append { .. } | Work::Latency => (0, 0),
    }
}
