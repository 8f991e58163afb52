//! A server that follows another one and takes over from it.

use super::installed::server_programs;
use super::server::Server;
use crate::servers::{Directory, free_port, unprivileged};

impl Server {
    /// A standby of this server. It answers, read-only, until it is [promoted](Self::promote); what this
    /// server acknowledges from now on is there as well.
    ///
    /// # Panics
    /// When it cannot be made.
    pub async fn standby(&self) -> Self {
        let standby = Self::stopped(free_port(), Directory::unprivileged());
        let copied = unprivileged(server_programs().join("pg_basebackup"), standby.directory())
            .args(["-h", "127.0.0.1", "-U", "annals", "-p", &self.port().to_string()])
            .args([
                "--checkpoint=fast",
                "--wal-method=stream",
                "--no-sync",
                "--write-recovery-conf",
            ])
            .arg("-D")
            .arg(standby.data_dir())
            .output()
            .expect("pg_basebackup starts");
        assert!(copied.status.success(), "{}", String::from_utf8_lossy(&copied.stderr));
        let mut standby = standby;
        standby.say_where_it_is(&[]);
        standby.start_when("database system is ready to accept read-only connections").await;
        self.psql("ALTER SYSTEM SET synchronous_standby_names = '*'").await;
        self.psql("SELECT pg_reload_conf()").await;
        standby
    }

    /// From now on it is nobody's standby, and takes writes.
    ///
    /// # Panics
    /// When it does not.
    pub async fn promote(&self) {
        self.psql("DO $$ BEGIN ASSERT pg_promote(), 'it takes too long'; END $$").await;
    }
}
