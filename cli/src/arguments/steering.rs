//! What can be said of consumers.

use std::time::Duration;

use annals::Uuid;
use clap::{Args, Subcommand};

use super::seconds;

#[derive(Debug, Subcommand)]
pub(crate) enum Consumers {
    /// Lists the consumers, one a line.
    List {
        #[command(flatten)]
        log: Log,
    },
    /// Shows a consumer with its partitions, or all. Exit code 1 when something is in trouble.
    Status {
        /// The consumer; all without it.
        name: Option<String>,
        /// Shows it again every second, until it is interrupted.
        #[arg(long)]
        watch: bool,
        #[command(flatten)]
        log: Log,
    },
    /// Has a consumer work on nothing until told to go on, also after restarts.
    Pause(Named),
    /// Has a consumer go on.
    Resume(Named),
    /// Builds a read model anew beside the one that serves, and switches.
    Rebuild {
        /// The consumer.
        name: String,
        /// Makes only the rows of an id anew, in the read model that serves: 17 for the stream order-17.
        #[arg(long, value_name = "ID", conflicts_with = "dry_run")]
        key: Option<String>,
        /// Says what a rebuild would do, and does nothing: it reads all of history.
        #[arg(long)]
        dry_run: bool,
        #[command(flatten)]
        asking: Asking,
    },
    /// Breaks a rebuild off; the next one goes on from there.
    Cancel(Named),
    /// Switches back to the version before, whose tables were kept.
    Rollback(Named),
    /// Drops the tables of the version before. Needs --why: it cannot be undone.
    DropPrevious(Named),
    /// Compares a read model with what its history says.
    Verify(Named),
    /// Cuts a consumer into so many partitions.
    Repartition {
        /// The consumer.
        name: String,
        /// How many.
        #[arg(value_parser = clap::value_parser!(u32).range(1..=1024))]
        partitions: u32,
        #[command(flatten)]
        asking: Asking,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Outbox {
    /// Shows a relay, or all: how far it is, what waits to be sent and since when, and on what. Exit code 1
    /// when something is in trouble.
    Status {
        /// The route; all without it.
        name: Option<String>,
        /// Shows it again every second, until it is interrupted.
        #[arg(long)]
        watch: bool,
        #[command(flatten)]
        log: Log,
    },
    /// Sends once more what a route has sent. The messages have the ids that they had, so that whoever
    /// remembers them absorbs them.
    Replay {
        /// The route.
        name: String,
        /// The position of the log to begin at.
        #[arg(long, value_name = "POSITION")]
        from: u64,
        #[command(flatten)]
        asking: Asking,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Named {
    /// The consumer.
    pub(crate) name: String,
    #[command(flatten)]
    pub(crate) asking: Asking,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ParkedKeys {
    /// Lists parked keys, one a line.
    List {
        /// Only those of a consumer.
        consumer: Option<String>,
    },
    /// Shows a parked key with the events that wait behind it.
    Show {
        /// The consumer.
        consumer: String,
        /// The key.
        key: String,
        /// How many events at the most.
        #[arg(long, default_value_t = 20)]
        limit: u32,
        #[command(flatten)]
        log: Log,
    },
    /// Tries parked keys again now, and says what came of it.
    Retry {
        #[command(flatten)]
        chosen: Chosen,
        #[command(flatten)]
        asking: Asking,
    },
    /// Throws away what waits behind parked keys: it never has its effect. Needs --why.
    Discard {
        #[command(flatten)]
        chosen: Chosen,
        /// Does not ask before it takes all.
        #[arg(long)]
        yes: bool,
        #[command(flatten)]
        asking: Asking,
    },
}

/// Which keys of a consumer are meant.
#[derive(Debug, Args)]
pub(crate) struct Chosen {
    /// The consumer.
    pub(crate) consumer: String,
    /// The keys.
    #[arg(required_unless_present = "all")]
    pub(crate) keys: Vec<String>,
    /// All that are parked now.
    #[arg(long, conflicts_with = "keys")]
    pub(crate) all: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Requests {
    /// Lists the last requests, the newest first.
    List {
        /// Only those that are neither carried out nor refused.
        #[arg(long)]
        open: bool,
        /// How many at the most.
        #[arg(long, default_value_t = 20)]
        limit: u32,
    },
    /// Shows what became of a request.
    Show {
        /// Its id.
        id: Uuid,
    },
}

/// Where the log is, when the store has what consumers keep and not the log.
#[derive(Debug, Args)]
pub(crate) struct Log {
    /// The store that has the log, if it is another.
    #[arg(long, value_name = "STORE")]
    pub(crate) log: Option<String>,
}

/// How something is asked for.
#[derive(Debug, Args)]
pub(crate) struct Asking {
    /// Who asks. Without it, the user and the machine.
    #[arg(long)]
    pub(crate) who: Option<String>,
    /// Why; it is kept with the request.
    #[arg(long, value_name = "TEXT")]
    pub(crate) why: Option<String>,
    /// For how long the answer is waited for, in seconds; during a rebuild, for as long as it gets on.
    #[arg(long, value_name = "SECONDS", default_value_t = 60.0, value_parser = seconds)]
    pub(crate) timeout: f64,
    /// Does not wait for the answer, and writes the request's id.
    #[arg(long)]
    pub(crate) no_wait: bool,
}

impl Asking {
    /// Who asks.
    pub(crate) fn who(&self) -> String {
        self.who.clone().unwrap_or_else(user_at_host)
    }

    /// For how long the answer is waited for.
    pub(crate) fn patience(&self) -> Duration {
        Duration::from_secs_f64(self.timeout)
    }
}

pub(super) fn user_at_host() -> String {
    let variable = |name| std::env::var(name).ok().filter(|text| !text.is_empty());
    let user = variable("USER").or_else(|| variable("LOGNAME")).or_else(|| variable("USERNAME"));
    let host = || {
        let text = std::fs::read_to_string("/etc/hostname").ok()?;
        Some(text.trim().to_owned()).filter(|text| !text.is_empty())
    };
    let host = variable("HOSTNAME").or_else(|| variable("COMPUTERNAME")).or_else(host);
    let unknown = || "unknown".to_owned();
    format!("{}@{}", user.unwrap_or_else(unknown), host.unwrap_or_else(unknown))
}
