//! RabbitMQ.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::sync::OnceCell;

use super::kind::{Kind, Login};
use super::server::Server;
use super::shared::Shared;
use super::wire::{bytes, refused};
use crate::servers::{command, find, free_port};

/// A private node of RabbitMQ, without plugins.
///
/// A durable queue that was declared just before, and not bound, may be gone after
/// [`kill`](Server::kill): RabbitMQ answers before it is on disk. For quorum queues see
/// [`has_written_down`](Server::has_written_down).
pub type RabbitMq = Server<RabbitMqKind>;

/// The settings of a [`RabbitMq`].
pub struct RabbitMqKind {
    port: u16,
    /// Of Erlang's connections between nodes, and of who knows where nodes are.
    node_port: u16,
    names_port: u16,
    login: Option<Login>,
    settings: String,
    advanced: String,
}

impl RabbitMqKind {
    /// More lines of `rabbitmq.conf`.
    #[must_use]
    pub fn with_settings(self, lines: &str) -> Self {
        Self { settings: self.settings + lines + "\n", ..self }
    }

    /// Settings of the broker's application that `rabbitmq.conf` has no names for, as Erlang writes them:
    /// `{channel_tick_interval, 1000}`.
    #[must_use]
    pub fn with_advanced(self, settings: &str) -> Self {
        Self { advanced: settings.to_owned(), ..self }
    }

    /// Lets in this user in place of `guest`; both of letters and digits.
    #[must_use]
    pub fn with_user(self, user: &str, password: &str) -> Self {
        Self { login: Some(Login { user: user.into(), password: password.into() }), ..self }
    }
}

/// Nodes register with `epmd`. With one of its own a node leaves nothing running: it would start one that
/// stays. Both are in one process group.
const NODE: &str = r#"
    epmd -address 127.0.0.1 & names=$!
    until epmd -names >/dev/null 2>&1; do sleep 0.05; done
    trap 'kill -s TERM "$node"' TERM
    "$0" & node=$!
    wait "$node"
    # Once more, because a signal ends the first one.
    wait "$node"
    kill "$names"
"#;

/// How long a node may take to write a quorum queue down.
const WRITTEN_WITHIN: Duration = Duration::from_secs(60);

impl Server<RabbitMqKind> {
    /// Waits until this quorum queue is in the node's own list on disk. RabbitMQ 3.10 writes that list seconds
    /// after it has answered; a node that is killed before begins the queue anew, without its messages.
    ///
    /// # Panics
    /// When it is not written within a minute.
    pub async fn has_written_down(&self, queue: &str) {
        let began = Instant::now();
        while !self.list_of_quorum_queues().contains(queue) {
            assert!(began.elapsed() < WRITTEN_WITHIN, "`{queue}` is not on disk");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// A file of Erlang's own format, in which names are readable.
    fn list_of_quorum_queues(&self) -> String {
        let node = format!("annals-{}@localhost", self.kind.port);
        let folder = self.directory().join("data").join(&node).join("quorum").join(&node);
        // It is not there before the first queue.
        let list = std::fs::read(folder.join("names.dets")).unwrap_or_default();
        String::from_utf8_lossy(&list).into_owned()
    }
}

impl Kind for RabbitMqKind {
    const VARIABLE: &'static str = "AMQP_URL";
    const PORT: u16 = 5672;

    fn plain() -> Self {
        Self {
            port: free_port(),
            node_port: free_port(),
            names_port: free_port(),
            login: None,
            settings: String::new(),
            advanced: String::new(),
        }
    }

    fn port(&self) -> u16 {
        self.port
    }

    fn login(&self) -> Option<&Login> {
        self.login.as_ref()
    }

    fn url_of(port: u16, login: Option<&Login>) -> String {
        let login = login.map(|login| format!("{}:{}@", login.user, login.password));
        format!("amqp://{}127.0.0.1:{port}/%2f", login.unwrap_or_default())
    }

    /// `Connection.Start`, which is answered with who we are, and then `Connection.Tune`.
    async fn greet(stream: &mut TcpStream, login: Option<&Login>) -> io::Result<()> {
        const START: [u8; 4] = [0, 10, 0, 10];
        const TUNE: [u8; 4] = [0, 10, 0, 30];
        stream.write_all(b"AMQP\x00\x00\x09\x01").await?;
        expect(stream, START).await?;
        let (user, password) = match login {
            Some(Login { user, password }) => (user.as_str(), password.as_str()),
            None => ("guest", "guest"),
        };
        let response = format!("\0{user}\0{password}");
        // Connection.StartOk, with nothing to say of ourselves.
        let mut method = vec![0, 10, 0, 11, 0, 0, 0, 0];
        method.extend_from_slice(b"\x05PLAIN");
        method.extend_from_slice(&(response.len() as u32).to_be_bytes());
        method.extend_from_slice(response.as_bytes());
        method.extend_from_slice(b"\x05en_US");
        stream.write_all(&method_frame(&method)).await?;
        expect(stream, TUNE).await
    }

    fn prepare(&self, folder: &Path) {
        let mut settings = format!(
            "listeners.tcp.1 = 127.0.0.1:{}\n\
             disk_free_limit.absolute = 50MB\n\
             log.console = true\n\
             log.console.level = info\n\
             log.file = false\n",
            self.port,
        );
        if let Some(Login { user, password }) = &self.login {
            settings += &format!("default_user = {user}\ndefault_pass = {password}\n");
        }
        settings += &self.settings;
        std::fs::write(folder.join("rabbitmq.conf"), settings)
            .expect("the settings can be written");
        let advanced = format!("[{{rabbit, [{}]}}].\n", self.advanced);
        std::fs::write(folder.join("advanced.config"), advanced).expect("the folder is ours");
        std::fs::write(folder.join("enabled_plugins"), "[].\n").expect("the folder is ours");
    }

    fn command(&self, folder: &Path) -> Command {
        let mut command = command("/bin/sh", folder);
        command
            .args(["-c", NODE])
            .arg(program())
            // Where Erlang keeps the cookie that lets nodes talk to each other.
            .env("HOME", folder)
            .env("ERL_EPMD_ADDRESS", "127.0.0.1")
            .env("ERL_EPMD_PORT", self.names_port.to_string())
            .env("RABBITMQ_NODENAME", format!("annals-{}@localhost", self.port))
            .env("RABBITMQ_NODE_PORT", self.port.to_string())
            .env("RABBITMQ_DIST_PORT", self.node_port.to_string())
            .env("RABBITMQ_MNESIA_BASE", folder.join("data"))
            .env("RABBITMQ_LOG_BASE", folder.join("logs"))
            .env("RABBITMQ_CONFIG_FILE", folder.join("rabbitmq.conf"))
            .env("RABBITMQ_ENABLED_PLUGINS_FILE", folder.join("enabled_plugins"))
            // Nothing of what the machine's own node is told.
            .env("RABBITMQ_CONF_ENV_FILE", "/dev/null")
            .env("RABBITMQ_ADVANCED_CONFIG_FILE", folder.join("advanced.config"))
            .env(
                "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS",
                // Two threads that do not wait by turning round.
                "+S 2:2 +sbwt none -kernel inet_dist_use_interface {127,0,0,1}",
            );
        command
    }

    fn shared() -> &'static OnceCell<Shared<Self>> {
        static SHARED: OnceCell<Shared<RabbitMqKind>> = OnceCell::const_new();
        &SHARED
    }
}

/// Where the script itself is: what is in Debian's `PATH` goes to the machine's own folders.
fn program() -> PathBuf {
    find("rabbitmq-server", [PathBuf::from("/usr/lib/rabbitmq/bin")]).expect(
        "these tests start RabbitMQ nodes of their own, and there is no `rabbitmq-server`: \
         apt-get install rabbitmq-server (Debian), dnf install rabbitmq-server (Fedora), \
         brew install rabbitmq (macOS)",
    )
}

/// A method on the channel of the connection itself.
fn method_frame(method: &[u8]) -> Vec<u8> {
    let mut frame = vec![1, 0, 0];
    frame.extend_from_slice(&(method.len() as u32).to_be_bytes());
    frame.extend_from_slice(method);
    frame.push(0xCE);
    frame
}

/// The next frame is this class and method.
async fn expect(stream: &mut TcpStream, method: [u8; 4]) -> io::Result<()> {
    let head = bytes(stream, 7).await?;
    let size = u32::from_be_bytes([head[3], head[4], head[5], head[6]]) as usize;
    let said = bytes(stream, size + 1).await?;
    if head[0] == 1 && said.starts_with(&method) {
        return Ok(());
    }
    Err(refused(String::from_utf8_lossy(&said).escape_debug()))
}
