//! What can be said of schemas.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::steering::Log;

#[derive(Debug, Subcommand)]
pub(crate) enum Schemas {
    /// Lists the types of events with their versions, and the routes that publish them.
    List {
        #[command(flatten)]
        log: Log,
    },
    /// Writes what this service publishes as an AsyncAPI document and JSON Schemas.
    Export(ExportSchemas),
}

#[derive(Debug, Args)]
pub(crate) struct ExportSchemas {
    /// The directory to write into: `asyncapi.json`, and a JSON Schema for each version of each public
    /// event. Without it, the AsyncAPI document goes to the standard output.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Replaces files that are there with another content.
    #[arg(long, requires = "out")]
    pub(crate) overwrite: bool,
    /// Writes the schemas of the store's own events, too, which are nobody else's business.
    #[arg(long, requires = "out")]
    pub(crate) private: bool,
    /// Only what this route publishes; may be given several times.
    #[arg(long, value_name = "NAME")]
    pub(crate) route: Vec<String>,
    /// The service's name in the AsyncAPI document. Without it, what its routes call their source.
    #[arg(long)]
    pub(crate) title: Option<String>,
    /// The version of the AsyncAPI document. Without it, the greatest version of the routes.
    #[arg(long, value_name = "VERSION")]
    pub(crate) api_version: Option<String>,
    #[command(flatten)]
    pub(crate) log: Log,
}
