//! A broker of one's own.

use std::io;
use std::path::{Path, PathBuf};

use tokio::net::TcpStream;

use super::kind::{Kind, Login};
use crate::servers::{Directory, End, Program, signal};

/// A private server in its own folder, on 127.0.0.1 only. It runs as whoever runs the tests: no broker
/// refuses to be root. Dropping it kills it and removes its files.
pub struct Server<K: Kind> {
    pub(super) kind: K,
    program: Option<Program>,
    // Last, because the files go after the program.
    directory: Directory,
}

/// Stops a process group and waits until it stands still: until a thread of each process has taken note,
/// the others go on. What is looked at is the state, the parent and the group of every process.
const FREEZE: &str = r#"
    kill -s STOP -- "-$1"
    processes() { cat /proc/[0-9]*/stat 2>/dev/null || ps -axo stat=,ppid=,pgid=; }
    goes_on() {
        processes | sed 's/.*) //' |
            awk -v group="$1" '$3 == group && $1 !~ /^[TZ]/ { found = 1 } END { exit !found }'
    }
    tries=0
    while goes_on "$1"; do
        tries=$((tries + 1))
        [ $tries -lt 500 ] || exit 1
        sleep 0.02
    done
"#;

impl<K: Kind> Server<K> {
    /// A new server with the default settings, ready when this returns.
    ///
    /// # Panics
    /// When it is not installed; the message says what to install. When it is not ready within two
    /// minutes; the message has the end of its log.
    pub async fn start() -> Self {
        Self::start_as(K::plain()).await
    }

    /// A new server with other settings, ready when this returns.
    ///
    /// # Panics
    /// As [`start`](Self::start).
    pub async fn start_as(kind: K) -> Self {
        let mut server = Self { kind, program: None, directory: Directory::new() };
        server.kind.prepare(server.directory());
        server.restart().await;
        server
    }

    /// Starts it on the same port with the same data, ready when this returns. It is stopped before if it
    /// still runs.
    ///
    /// # Panics
    /// When it is not ready within two minutes; the message has the end of its log.
    pub async fn restart(&mut self) {
        if self.program.is_some() {
            self.stop();
        }
        let command = self.kind.command(self.directory());
        let look = || greet::<K>(self.address(), self.kind.login());
        let program = Program::start_until(command, look, &self.directory, End::KillGroup).await;
        self.program = Some(program);
    }

    /// Tells it to end and waits until it has: clients are told, and everything is written down.
    ///
    /// # Panics
    /// When it does not run, or does not end within two minutes.
    pub fn stop(&mut self) {
        self.end(r#"kill -s TERM "$1" && kill -s CONT -- "-$1""#);
    }

    /// `kill -9` of the server and all its processes at once. Nothing is left running.
    ///
    /// # Panics
    /// When it does not run.
    pub fn kill(&mut self) {
        // It may have ended by itself.
        self.end(r#"kill -s KILL -- "-$1" || true"#);
    }

    fn end(&mut self, script: &str) {
        let program = self.program.take().expect("the server runs");
        signal(&program, script);
        program.wait(&self.directory);
    }

    /// Stops all its processes where they are: connections stay open, new ones are taken by the operating
    /// system, and nobody answers.
    ///
    /// # Panics
    /// When it does not run.
    pub fn freeze(&self) {
        signal(self.program.as_ref().expect("the server runs"), FREEZE);
    }

    /// Lets it go on where it was frozen.
    ///
    /// # Panics
    /// When it does not run.
    pub fn thaw(&self) {
        signal(self.program.as_ref().expect("the server runs"), r#"kill -s CONT -- "-$1""#);
    }

    /// Its URL, with the user and the password that it was started with.
    pub fn url(&self) -> String {
        K::url_of(self.port(), self.kind.login())
    }

    /// Where it listens on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.kind.port()
    }

    /// Host and port, as in `127.0.0.1:20000`: where a proxy leads to.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port())
    }

    /// Whether it was started, and neither stopped nor killed since.
    pub(super) fn runs(&self) -> bool {
        self.program.is_some()
    }

    /// All its files.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// What it has said.
    pub fn log(&self) -> PathBuf {
        self.directory.log()
    }

    /// The process that leads its process group.
    ///
    /// # Panics
    /// When it does not run.
    pub fn pid(&self) -> u32 {
        self.program.as_ref().expect("the server runs").pid()
    }
}

impl<K: Kind> Drop for Server<K> {
    fn drop(&mut self) {
        if self.program.is_some() {
            self.kill();
        }
    }
}

/// Whether what listens at `host:port` lets us in.
pub(super) async fn greet<K: Kind>(address: String, login: Option<&Login>) -> io::Result<()> {
    K::greet(&mut TcpStream::connect(address).await?, login).await
}
