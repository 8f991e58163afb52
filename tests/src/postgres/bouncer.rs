//! A connection pooler in front of a server.

use super::client::{config, database_of, host_of};
use super::installed::pgbouncer;
use crate::servers::{Directory, End, Program, free_port, signal, unprivileged};

/// PgBouncer in transaction mode: each transaction may run on another connection of the server, so
/// that nothing outlives a transaction. Dropping it stops it.
pub struct Bouncer {
    program: Option<Program>,
    url: String,
    // Last, because the files go after the program.
    directory: Directory,
}

impl Bouncer {
    /// Starts one in front of the server of a URL, with at most `connections` to it.
    ///
    /// # Panics
    /// When PgBouncer is not installed; the message says what to install.
    pub async fn to(url: &str, connections: usize) -> Self {
        let directory = Directory::unprivileged();
        let server = config(url);
        let user = server.get_user().expect("the URL names a user");
        let password = server.get_password().map(String::from_utf8_lossy);
        let password = password.map(|word| format!(" password='{word}'")).unwrap_or_default();
        let host = host_of(url);
        let (address, server_port) = host.rsplit_once(':').expect("a port");
        let (database, port) = (database_of(url), free_port());
        let settings = format!(
            "[databases]\n\
             {database} = host={address} port={server_port} user={user}{password}\n\
             [pgbouncer]\n\
             listen_addr = 127.0.0.1\n\
             listen_port = {port}\n\
             unix_socket_dir =\n\
             auth_type = any\n\
             pool_mode = transaction\n\
             max_client_conn = 500\n\
             default_pool_size = {connections}\n"
        );
        let file = directory.path().join("pgbouncer.ini");
        std::fs::write(&file, settings).expect("the settings can be written");
        let mut command = unprivileged(pgbouncer(), directory.path());
        command.arg(&file);
        let program = Program::start(command, "process up", &directory, End::KillGroup).await;
        let url = format!("postgres://{user}@127.0.0.1:{port}/{database}");
        Self { program: Some(program), url, directory }
    }

    /// The same database, through the pooler.
    pub fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for Bouncer {
    fn drop(&mut self) {
        if let Some(program) = self.program.take() {
            signal(&program, r#"kill -KILL "$1""#);
            program.wait(&self.directory);
        }
    }
}
