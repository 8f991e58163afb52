//! A server of one's own.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use super::client::{connect, connect_patiently};
use super::installed::server_programs;
use crate::servers::{Directory, End, Program, free_port, signal, unprivileged};

/// A private PostgreSQL cluster with the superuser `annals`, whom it believes without a password.
/// It syncs as it would in production. Dropping it stops it and removes its files.
pub struct Server {
    program: Option<Program>,
    port: u16,
    german: bool,
    // Last, because the files go after the program.
    directory: Directory,
}

/// What a server says when it is there.
const READY: &str = "database system is ready to accept connections";
const READY_IN_GERMAN: &str = "Datenbanksystem ist bereit, um Verbindungen anzunehmen";

impl Server {
    /// A new cluster with the default settings.
    ///
    /// # Panics
    /// When PostgreSQL is not installed; the message says what to install.
    pub async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// A new cluster with settings of `postgresql.conf`.
    ///
    /// # Panics
    /// As [`start`](Self::start), and when the server refuses a setting.
    pub async fn start_with(settings: &[(&str, &str)]) -> Self {
        let mut server = Self::stopped(free_port(), Directory::unprivileged());
        server.initialise(settings);
        server.start_again().await;
        server
    }

    /// A new cluster whose messages are German.
    ///
    /// # Panics
    /// As [`start`](Self::start), and when there is no `localedef`, or nothing that it could make a locale of.
    pub async fn start_in_german() -> Self {
        let mut server = Self::stopped(free_port(), Directory::unprivileged());
        server.initialise(&[]);
        let made = unprivileged("localedef", server.directory())
            .args(["-i", "de_DE", "-f", "UTF-8"])
            .arg(server.locales().join("de_DE.UTF-8"))
            .output();
        let made = made.is_ok_and(|made| made.status.success());
        assert!(
            made,
            "this test wants a German locale, and there is no `localedef`, or nothing for it to make one \
             of: apt-get install locales (Debian), dnf install glibc-locale-source (Fedora)"
        );
        server.german = true;
        server.start_when(READY).await;
        server.psql("ALTER SYSTEM SET lc_messages = 'de_DE.UTF-8'").await;
        server.psql("SELECT pg_reload_conf()").await;
        server
    }

    /// Where locales of its own are.
    fn locales(&self) -> PathBuf {
        self.directory().to_owned()
    }

    pub(super) fn stopped(port: u16, directory: Directory) -> Self {
        Self { program: None, port, german: false, directory }
    }

    fn initialise(&self, settings: &[(&str, &str)]) {
        let made = unprivileged(server_programs().join("initdb"), self.directory())
            .args(["-A", "trust", "-U", "annals", "--no-sync", "--locale=C.UTF-8", "-E", "UTF8"])
            .arg("-D")
            .arg(self.data_dir())
            .output()
            .expect("initdb starts");
        assert!(made.status.success(), "initdb: {}", String::from_utf8_lossy(&made.stderr));
        self.say_where_it_is(settings);
    }

    /// Writes its port and its folder into its settings, of which the last ones count, and others behind
    /// them.
    pub(super) fn say_where_it_is(&self, settings: &[(&str, &str)]) {
        let file = self.data_dir().join("postgresql.conf");
        let mut text = std::fs::read_to_string(&file).expect("initdb writes its settings");
        let port = self.port.to_string();
        let folder = self.directory().display().to_string();
        let own = [
            ("listen_addresses", "127.0.0.1"),
            ("port", port.as_str()),
            ("unix_socket_directories", folder.as_str()),
        ];
        for (name, value) in own.iter().chain(settings) {
            writeln!(text, "{name} = '{value}'").expect("a string takes text");
        }
        std::fs::write(&file, text).expect("the settings can be written");
    }

    /// Starts it where it was stopped; ready when this returns.
    ///
    /// # Panics
    /// When it runs, or does not start; the message has the end of its log.
    pub async fn start_again(&mut self) {
        self.start_when(if self.german { READY_IN_GERMAN } else { READY }).await;
    }

    /// Starts it; it is ready when it says so.
    pub(super) async fn start_when(&mut self, ready: &'static str) {
        assert!(self.program.is_none(), "the server runs");
        let mut command = unprivileged(server_programs().join("postgres"), self.directory());
        command.arg("-D").arg(self.data_dir());
        if self.german {
            command.env("LOCPATH", self.locales());
        }
        self.program = Some(Program::start(command, ready, &self.directory, End::Quit).await);
    }

    /// `pg_ctl stop -m immediate`: a crash that the server knows of. Nothing is left running.
    pub fn stop_immediate(&mut self) {
        self.stop(r#"kill -QUIT "$1""#);
    }

    /// `pg_ctl stop -m fast`: transactions are rolled back, connections closed, everything is written
    /// down. Nothing is left running.
    pub fn stop_fast(&mut self) {
        self.stop(r#"kill -INT "$1""#);
    }

    /// `kill -9` of the server and all its processes at once. Nothing is left running.
    pub fn kill_9(&mut self) {
        // It is stopped first, so that it starts no process between the look and the kill.
        self.stop(
            r#"kill -STOP "$1"
               children=$(cat "/proc/$1/task/$1/children" 2>/dev/null || pgrep -P "$1")
               kill -KILL "$1" $children"#,
        );
        // Nobody is left whom it could name, and the id may be somebody else's soon.
        let _ = std::fs::remove_file(self.data_dir().join("postmaster.pid"));
    }

    /// `kill -9` of one of the server's processes that serves a client, if there is one. The server
    /// takes its memory for damaged then: it ends all connections and recovers as after a crash, by
    /// itself. Where it still recovers from the last one, that is waited for.
    ///
    /// # Panics
    /// When the server does not let us in.
    pub async fn kill_9_a_session(&self) {
        let client = connect_patiently(&self.url()).await;
        let sql = "SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend'
                   AND pid <> pg_backend_pid() ORDER BY random() LIMIT 1";
        if let Some(row) = client.query_opt(sql, &[]).await.expect("sessions can be seen") {
            let pid: i32 = row.get(0);
            // A connection that has ended meanwhile has done it by itself.
            let script = format!("kill -KILL {pid} || true");
            signal(self.program.as_ref().expect("the server runs"), &script);
        }
    }

    fn stop(&mut self, script: &str) {
        let program = self.program.take().expect("the server runs");
        signal(&program, script);
        program.wait(&self.directory);
    }

    /// Its URL, with the database `postgres`.
    pub fn url(&self) -> String {
        self.url_of("postgres")
    }

    /// Its URL with another database.
    pub fn url_of(&self, database: &str) -> String {
        format!("postgres://annals@127.0.0.1:{}/{database}", self.port)
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// All its files; its Unix socket is here, too.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// The cluster's files.
    pub fn data_dir(&self) -> PathBuf {
        self.directory().join("data")
    }

    /// What it has said.
    pub fn log(&self) -> PathBuf {
        self.directory.log()
    }

    /// Runs statements in the database `postgres`.
    ///
    /// # Panics
    /// When one fails.
    pub async fn psql(&self, sql: &str) {
        let client = connect(&self.url()).await;
        client.batch_execute(sql).await.unwrap_or_else(|error| panic!("`{sql}`: {error:?}"));
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.program.is_some() {
            self.stop_immediate();
        }
    }
}
