//! NATS with JetStream.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use tokio::io::{AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::sync::OnceCell;

use super::cache::{cached, version};
use super::kind::{Kind, Login};
use super::server::Server;
use super::shared::Shared;
use super::wire::{line, refused};
use crate::servers::{command, find, free_port};

/// A private NATS server with JetStream.
pub type Nats = Server<NatsKind>;

/// The settings of a [`Nats`].
pub struct NatsKind {
    port: u16,
    login: Option<Login>,
    newest: bool,
    tls: bool,
}

impl NatsKind {
    /// The newest version, which `test.sh` builds, in place of the one that the system has.
    #[must_use]
    pub fn newest(self) -> Self {
        Self { newest: true, ..self }
    }

    /// Lets in only this user, by this password; both of letters and digits.
    #[must_use]
    pub fn with_user(self, user: &str, password: &str) -> Self {
        Self { login: Some(Login { user: user.into(), password: password.into() }), ..self }
    }

    /// Talks TLS only, as `localhost` and `127.0.0.1`; [`Server::certificate`] is whom to trust.
    #[must_use]
    pub fn with_tls(self) -> Self {
        Self { tls: true, ..self }
    }

    fn program(&self) -> PathBuf {
        if self.newest {
            let program = cached("nats").join("nats-server");
            let version = version("nats");
            assert!(
                program.is_file(),
                "this test starts NATS {version}, and {} is missing: ./test.sh builds it with Go, or do \
                 GOBIN={} go install github.com/nats-io/nats-server/v2@v{version}",
                program.display(),
                cached("nats").display(),
            );
            return program;
        }
        find("nats-server", []).expect(
            "these tests start NATS servers of their own, and there is no `nats-server`: \
             apt-get install nats-server (Debian), brew install nats-server (macOS), \
             go install github.com/nats-io/nats-server/v2@latest (Fedora)",
        )
    }
}

impl Server<NatsKind> {
    /// The certificate of a server [with TLS](NatsKind::with_tls), as a PEM file.
    pub fn certificate(&self) -> PathBuf {
        self.directory().join("server.crt")
    }
}

impl Kind for NatsKind {
    const VARIABLE: &'static str = "NATS_URL";
    const PORT: u16 = 4222;

    fn plain() -> Self {
        Self { port: free_port(), login: None, newest: false, tls: false }
    }

    fn port(&self) -> u16 {
        self.port
    }

    fn login(&self) -> Option<&Login> {
        self.login.as_ref()
    }

    fn url_of(port: u16, login: Option<&Login>) -> String {
        let login = login.map(|login| format!("{}:{}@", login.user, login.password));
        format!("nats://{}127.0.0.1:{port}", login.unwrap_or_default())
    }

    /// The server speaks first, and says whether it has JetStream; it answers `PING` to whom it lets in.
    /// With TLS its first word has to do: the rest is for a client.
    async fn greet(stream: &mut TcpStream, login: Option<&Login>) -> io::Result<()> {
        let mut stream = BufReader::new(stream);
        let info = line(&mut stream).await?;
        if !info.starts_with("INFO ") || !info.contains(r#""jetstream":true"#) {
            return Err(refused(info));
        }
        if info.contains(r#""tls_required":true"#) {
            return Ok(());
        }
        let login = login
            .map(|Login { user, password }| format!(r#","user":"{user}","pass":"{password}""#));
        let hello =
            format!("CONNECT {{\"verbose\":false{}}}\r\nPING\r\n", login.unwrap_or_default());
        stream.write_all(hello.as_bytes()).await?;
        match line(&mut stream).await?.as_str() {
            "PONG" => Ok(()),
            other => Err(refused(other)),
        }
    }

    fn prepare(&self, folder: &Path) {
        let mut settings = format!(
            "listen: \"127.0.0.1:{}\"\n\
             jetstream {{ store_dir: \"{}\" }}\n",
            self.port,
            folder.join("data").display(),
        );
        if let Some(Login { user, password }) = &self.login {
            settings +=
                &format!("authorization {{ user: \"{user}\", password: \"{password}\" }}\n");
        }
        if self.tls {
            let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
            let own = rcgen::generate_simple_self_signed(names).expect("a certificate can be made");
            let (certificate, key) = (folder.join("server.crt"), folder.join("server.key"));
            std::fs::write(&certificate, own.cert.pem()).expect("the folder is ours");
            std::fs::write(&key, own.key_pair.serialize_pem()).expect("the folder is ours");
            settings += &format!(
                "tls {{ cert_file: \"{}\", key_file: \"{}\" }}\n",
                certificate.display(),
                key.display(),
            );
        }
        std::fs::write(folder.join("nats.conf"), settings).expect("the settings can be written");
    }

    fn command(&self, folder: &Path) -> Command {
        let mut command = command(self.program(), folder);
        command.args(["--config", "nats.conf"]);
        command
    }

    fn shared() -> &'static OnceCell<Shared<Self>> {
        static SHARED: OnceCell<Shared<NatsKind>> = OnceCell::const_new();
        &SHARED
    }
}
