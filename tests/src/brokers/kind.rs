//! In what brokers differ.

use std::future::Future;
use std::io;
use std::path::Path;
use std::process::Command;

use tokio::net::TcpStream;
use tokio::sync::OnceCell;

use super::shared::Shared;

/// A name and a password.
#[derive(Debug, Clone)]
pub struct Login {
    /// Who.
    pub user: String,
    /// The password, in letters and digits: it stands in URLs and settings as it is.
    pub password: String,
}

/// A broker's program and protocol, and the settings of one server.
pub trait Kind: Sized + Send + Sync + 'static {
    /// The environment variable with the URL of a server that tests may share.
    const VARIABLE: &'static str;

    /// Where such servers listen if nobody says otherwise.
    const PORT: u16;

    /// A server on a free port with the default settings.
    ///
    /// # Panics
    /// When it is not installed; the message says what to install.
    fn plain() -> Self;

    /// Where it listens.
    fn port(&self) -> u16;

    /// Whom it lets in; `None` for everybody, or for whom it knows without being told.
    fn login(&self) -> Option<&Login>;

    /// The URL of a server on this machine.
    fn url_of(port: u16, login: Option<&Login>) -> String;

    /// Asks a server on the other end of a new connection to let us in, as far as its protocol goes
    /// without a client.
    ///
    /// # Errors
    /// What the server says in place of letting us in, and what it lacks to be one that tests can use.
    fn greet(
        stream: &mut TcpStream,
        login: Option<&Login>,
    ) -> impl Future<Output = io::Result<()>> + Send;

    /// Writes its settings into its folder, once, before it starts.
    fn prepare(&self, folder: &Path);

    /// The program, which stays in the foreground and keeps everything in the folder.
    fn command(&self, folder: &Path) -> Command;

    /// The server that the tests of this process share.
    fn shared() -> &'static OnceCell<Shared<Self>>;
}
