//! What can be said on the command line.

mod sagas;
mod schema;
mod steering;

use std::path::PathBuf;

use annals::{StreamId, Timestamp};
use clap::{Args, Parser, Subcommand};

pub(crate) use sagas::{Meant, Record, Sagas};
pub(crate) use schema::{ExportSchemas, Schemas};
pub(crate) use steering::{Asking, Chosen, Consumers, Log, Named, Outbox, ParkedKeys, Requests};

/// Looks at a store of events, copies it, and finds out what is wrong with it.
///
/// Exit codes: 0 done; 1 what was asked for is not there, a consumer is in trouble, or the doctor found
/// something bad; 2 a mistake on the command line; 3 the store cannot be reached or opened, or is
/// damaged; 4 an import, a request or a recording is refused, or routes contradict each other; 5 anything else failed;
/// 6 a request was not answered in time.
#[derive(Debug, Parser)]
#[command(name = "annals", version, max_term_width = 100, arg_required_else_help = true)]
pub(crate) struct Arguments {
    /// The store: a file, `sqlite://FILE`, or `postgres://USER@HOST/DATABASE?schema=NAME`. Without it,
    /// what ANNALS_STORE says; a password is better kept there.
    #[arg(long, global = true, value_name = "STORE")]
    pub(crate) store: Option<String>,
    /// Writes JSON: one value, or one a line where there may be many.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Writes no colors, as NO_COLOR does.
    #[arg(long, global = true)]
    pub(crate) no_color: bool,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Makes the store's tables, or brings them to the newest version.
    Migrate,
    /// Says how far the log reaches.
    Head,
    /// Lists streams, shows one, follows the log.
    #[command(subcommand)]
    Streams(Streams),
    /// Shows an event, or searches for some.
    #[command(subcommand)]
    Events(Events),
    /// Writes events as CloudEvents, one a line.
    Export(Export),
    /// Reads what `export` has written into a store. Run again, it goes on where it was interrupted.
    Import(Import),
    /// Shows the schemas of events, and writes them for other services.
    #[command(subcommand)]
    Schema(Schemas),
    /// Shows the consumers that follow the log, and steers them.
    #[command(subcommand)]
    Consumers(Consumers),
    /// Shows what leaves for brokers, and sends it once more.
    #[command(subcommand)]
    Outbox(Outbox),
    /// Shows the keys whose events wait because one of them failed, and what becomes of them.
    #[command(subcommand)]
    Parked(ParkedKeys),
    /// Shows the instances of sagas, steers them, and records their histories.
    #[command(subcommand)]
    Sagas(Sagas),
    /// Lists the processes that run consumers.
    Members,
    /// Shows what was asked of consumers, and what came of it.
    #[command(subcommand)]
    Requests(Requests),
    /// Finds out what is wrong with a store, how bad it is, and what to do.
    Doctor(Doctor),
    /// Writes completions for a shell.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
    /// Writes the manual page.
    Man,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Streams {
    /// Lists streams by name, with their versions and when they last grew.
    List {
        /// Only the streams of a category: what stands before the first `-`.
        #[arg(long)]
        category: Option<String>,
        /// How many at the most.
        #[arg(long, default_value_t = 100)]
        limit: usize,
        /// Only what follows this name.
        #[arg(long, value_name = "STREAM", value_parser = stream)]
        after: Option<StreamId>,
    },
    /// Shows the events of a stream.
    Show {
        /// The stream.
        #[arg(value_parser = stream)]
        stream: StreamId,
        /// The first version shown; with --backward the last.
        #[arg(long, value_name = "VERSION")]
        from: Option<u64>,
        /// How many at the most.
        #[arg(long, default_value_t = 100)]
        limit: usize,
        /// Newest first.
        #[arg(long)]
        backward: bool,
    },
    /// Shows the last events, of a stream or of all.
    Tail {
        /// Only this stream.
        #[arg(value_parser = stream)]
        stream: Option<StreamId>,
        /// Goes on with what is appended, until it is interrupted.
        #[arg(long, short)]
        follow: bool,
        /// Only events of this type; may be given several times.
        #[arg(long = "type", value_name = "TYPE")]
        types: Vec<String>,
        /// Only the streams of a category; may be given several times.
        #[arg(long)]
        category: Vec<String>,
        /// Everything that follows this position, instead of the last events.
        #[arg(long, value_name = "POSITION")]
        after: Option<u64>,
        /// How many of the last events are shown.
        #[arg(long, default_value_t = 10)]
        limit: usize,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Events {
    /// Shows one event with all that is known of it.
    Show {
        /// Its id, or its position in the log.
        #[arg(value_name = "ID|POSITION")]
        event: String,
    },
    /// Searches through the log, oldest first. Without a stream or a time it looks at every event.
    Search(Search),
}

#[derive(Debug, Args)]
pub(crate) struct Search {
    /// Only events of this type; may be given several times.
    #[arg(long = "type", value_name = "TYPE")]
    pub(crate) types: Vec<String>,
    /// Only the streams of a category; may be given several times.
    #[arg(long)]
    pub(crate) category: Vec<String>,
    /// Only this stream.
    #[arg(long, value_parser = stream)]
    pub(crate) stream: Option<StreamId>,
    /// Only events with this correlation id.
    #[arg(long, value_name = "ID")]
    pub(crate) correlation: Option<String>,
    /// Only what was recorded at this time or later: 2026-11-27, or 2026-11-27T10:00:00Z.
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub(crate) since: Option<Timestamp>,
    /// Only what was recorded before this time.
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub(crate) until: Option<Timestamp>,
    /// Only events whose payload has this text in it, as it is written there.
    #[arg(long)]
    pub(crate) text: Option<String>,
    /// Only what follows this position.
    #[arg(long, value_name = "POSITION")]
    pub(crate) after: Option<u64>,
    /// How many at the most.
    #[arg(long, default_value_t = 100)]
    pub(crate) limit: usize,
}

#[derive(Debug, Args)]
pub(crate) struct Export {
    /// The file to write; without it, the standard output. It appears when it is whole.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Replaces the file if there is one.
    #[arg(long, requires = "out")]
    pub(crate) overwrite: bool,
    /// Only this stream.
    #[arg(long, value_parser = stream, conflicts_with = "category")]
    pub(crate) stream: Option<StreamId>,
    /// Only the streams of a category; may be given several times.
    #[arg(long)]
    pub(crate) category: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Import {
    /// The file to read; without it or with `-`, the standard input.
    pub(crate) file: Option<PathBuf>,
    /// Takes payloads that do not fit their schema, too.
    #[arg(long)]
    pub(crate) unchecked: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Doctor {
    /// Looks at every event and every page of the database, however long that takes.
    #[arg(long)]
    pub(crate) full: bool,
    /// How many payloads are checked against their schemas, unless all are.
    #[arg(long, value_name = "EVENTS", default_value_t = 10_000)]
    pub(crate) sample: u64,
    /// For how long a transaction may be open, in seconds, before it is a finding.
    #[arg(long, value_name = "SECONDS", default_value_t = 60.0, value_parser = seconds)]
    pub(crate) long_transaction: f64,
}

fn stream(text: &str) -> Result<StreamId, String> {
    if text.contains("://") {
        return Err("this is a store and not a stream: write --store before it".to_owned());
    }
    StreamId::parse(text).map_err(|error| error.why.to_owned())
}

/// A time, or the day that it begins.
fn time(text: &str) -> Result<Timestamp, String> {
    if let Ok(time) = text.parse() {
        return Ok(time);
    }
    let day: Result<annals::Date, _> = text.parse();
    let begins = day.and_then(|day| day.to_zoned(jiff::tz::TimeZone::UTC));
    begins.map(|zoned| zoned.timestamp()).map_err(|_| {
        "a time is written as 2026-11-27T10:00:00Z, or as 2026-11-27 for its first moment in UTC"
            .to_owned()
    })
}

fn seconds(text: &str) -> Result<f64, String> {
    let seconds = text.parse().ok().filter(|seconds: &f64| (0.0..=1e9).contains(seconds));
    seconds.ok_or_else(|| "this is no number of seconds".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_holds_together() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn a_day_is_its_first_moment() {
        assert_eq!(
            time("2026-11-27").map(|time| time.to_string()),
            Ok("2026-11-27T00:00:00Z".into())
        );
        assert_eq!(time("2026-11-27T10:00:00+02:00"), time("2026-11-27T08:00:00Z"));
        assert!(time("yesterday").is_err());
    }
}
