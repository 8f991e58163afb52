//! Redis.

use std::io;
use std::path::Path;
use std::process::Command;

use tokio::io::{AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::sync::OnceCell;

use super::kind::{Kind, Login};
use super::server::Server;
use super::shared::Shared;
use super::wire::{line, refused};
use crate::servers::{command, find, free_port};

/// A private Redis that has on disk what it acknowledges, in an append-only file.
pub type Redis = Server<RedisKind>;

/// The settings of a [`Redis`].
pub struct RedisKind {
    port: u16,
    login: Option<Login>,
}

impl RedisKind {
    /// Lets in only who knows a password, of letters and digits: the user is always `default`.
    #[must_use]
    pub fn with_password(self, password: &str) -> Self {
        let login = Login { user: "default".into(), password: password.into() };
        Self { login: Some(login), ..self }
    }
}

impl Kind for RedisKind {
    const VARIABLE: &'static str = "REDIS_URL";
    const PORT: u16 = 6379;

    fn plain() -> Self {
        Self { port: free_port(), login: None }
    }

    fn port(&self) -> u16 {
        self.port
    }

    fn login(&self) -> Option<&Login> {
        self.login.as_ref()
    }

    fn url_of(port: u16, login: Option<&Login>) -> String {
        let login = login.map(|login| format!("{}:{}@", login.user, login.password));
        format!("redis://{}127.0.0.1:{port}/", login.unwrap_or_default())
    }

    /// `PING` is answered when everything is loaded.
    async fn greet(stream: &mut TcpStream, login: Option<&Login>) -> io::Result<()> {
        let mut stream = BufReader::new(stream);
        if let Some(Login { user, password }) = login {
            stream.write_all(format!("AUTH {user} {password}\r\n").as_bytes()).await?;
            said("+OK", line(&mut stream).await?)?;
        }
        stream.write_all(b"PING\r\n").await?;
        said("+PONG", line(&mut stream).await?)
    }

    fn prepare(&self, folder: &Path) {
        let data = folder.join("data");
        std::fs::create_dir(&data).expect("the folder is new and ours");
        let password = self.login.as_ref().map(|login| format!("requirepass {}\n", login.password));
        let settings = format!(
            "bind 127.0.0.1\n\
             port {}\n\
             dir {}\n\
             appendonly yes\n\
             appendfsync always\n\
             save \"\"\n\
             {}",
            self.port,
            data.display(),
            password.unwrap_or_default(),
        );
        std::fs::write(folder.join("redis.conf"), settings).expect("the settings can be written");
    }

    fn command(&self, folder: &Path) -> Command {
        let program = find("redis-server", []).expect(
            "these tests start Redis servers of their own, and there is no `redis-server`: \
             apt-get install redis-server (Debian), dnf install valkey-compat-redis (Fedora), \
             brew install redis (macOS)",
        );
        let mut command = command(program, folder);
        command.arg("redis.conf");
        command
    }

    fn shared() -> &'static OnceCell<Shared<Self>> {
        static SHARED: OnceCell<Shared<RedisKind>> = OnceCell::const_new();
        &SHARED
    }
}

fn said(expected: &str, line: String) -> io::Result<()> {
    if line == expected { Ok(()) } else { Err(refused(line)) }
}
