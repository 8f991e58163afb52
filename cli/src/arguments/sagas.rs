//! What can be said of sagas.

use std::path::PathBuf;

use annals::sagas::ops::State;
use clap::{Args, Subcommand, ValueEnum};

use super::steering::{Log, user_at_host};

#[derive(Debug, Subcommand)]
pub(crate) enum Sagas {
    /// Lists the instances that have not ended: where they stand, on what they wait, and what wakes them.
    List {
        /// Only those of a saga.
        #[arg(long)]
        saga: Option<String>,
        /// Only those that stand there.
        #[arg(long)]
        state: Option<OpenState>,
        /// How many of a saga at the most.
        #[arg(long, default_value_t = 100)]
        limit: usize,
        /// Only what follows, as the list before has said.
        #[arg(long, value_name = "PLACE", requires = "saga")]
        after: Option<String>,
        #[command(flatten)]
        log: Log,
    },
    /// Shows an instance, one that has ended too: what it was told and when, what was decided on that, and what
    /// it waits for.
    Show {
        #[command(flatten)]
        meant: Meant,
    },
    /// Has the command that undoes another and was refused sent once more.
    Retry {
        #[command(flatten)]
        meant: Meant,
        #[command(flatten)]
        person: Person,
    },
    /// Says that a person has done what the command should have done that was refused. Needs --note.
    Resolve {
        #[command(flatten)]
        meant: Meant,
        #[command(flatten)]
        person: Person,
        /// How it was done; it is kept in the log.
        #[arg(long, value_name = "TEXT", visible_alias = "why")]
        note: Option<String>,
    },
    /// Has everything undone that was done. Needs --reason.
    Cancel {
        #[command(flatten)]
        meant: Meant,
        #[command(flatten)]
        person: Person,
        /// Why; it is kept in the log.
        #[arg(long, value_name = "TEXT", visible_alias = "why")]
        reason: Option<String>,
    },
    /// Sets the timers anew that the doctor has found missing, for the deadlines that the instance has.
    Rearm {
        #[command(flatten)]
        meant: Meant,
    },
    /// Writes the histories of instances, one a line, to be told again to another version of the program.
    Record(Record),
    /// Checks that recorded histories keep the rules that hold for every saga.
    ///
    /// Whether a program still decides what was recorded is known to that program alone. Have a test of its own
    /// tell it the recording again:
    ///
    /// annals::sagas::Recording::read("tests/checkout.ndjson")?.replay::<Checkout>()?;
    ///
    /// It fails with the first decision that is another.
    Replay {
        /// What `record` has written; `-` for the standard input.
        file: PathBuf,
    },
}

/// Where an instance stands that has not ended.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum OpenState {
    /// On its way.
    Running,
    /// At its end, but for commands whose replies are to come.
    Completing,
    /// What was done is being undone.
    Compensating,
    /// A command that undoes another was refused: a person has to act.
    Stuck,
}

impl From<OpenState> for State {
    fn from(state: OpenState) -> Self {
        match state {
            OpenState::Running => Self::Running,
            OpenState::Completing => Self::Completing,
            OpenState::Compensating => Self::Compensating,
            OpenState::Stuck => Self::Stuck,
        }
    }
}

/// Which instance is meant.
#[derive(Debug, Args)]
pub(crate) struct Meant {
    /// The saga.
    pub(crate) saga: String,
    /// The instance.
    pub(crate) instance: String,
    #[command(flatten)]
    pub(crate) log: Log,
}

/// Who speaks.
#[derive(Debug, Args)]
pub(crate) struct Person {
    /// Who says it. Without it, the user and the machine.
    #[arg(long, value_name = "WHO", visible_alias = "who")]
    by: Option<String>,
}

impl Person {
    pub(crate) fn name(self) -> String {
        self.by.unwrap_or_else(user_at_host)
    }
}

#[derive(Debug, Args)]
pub(crate) struct Record {
    /// The saga.
    pub(crate) saga: String,
    /// Only this instance; may be given several times.
    #[arg(long = "instance", value_name = "INSTANCE", conflicts_with_all = ["ended", "limit"])]
    pub(crate) instances: Vec<String>,
    /// Only those that have ended.
    #[arg(long)]
    pub(crate) ended: bool,
    /// How many at the most, by name.
    #[arg(long, default_value_t = 1_000)]
    pub(crate) limit: usize,
    /// The file to write, which appears when it is whole; `-` for the standard output.
    #[arg(long, value_name = "FILE")]
    pub(crate) to: PathBuf,
    /// Replaces the file if there is one.
    #[arg(long)]
    pub(crate) overwrite: bool,
    #[command(flatten)]
    pub(crate) log: Log,
}
