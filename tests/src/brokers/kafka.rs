//! Apache Kafka.

use std::ffi::OsString;
use std::fs::DirEntry;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::sync::OnceCell;

use super::cache::{cached, version};
use super::kind::{Kind, Login};
use super::server::Server;
use super::shared::Shared;
use super::wire::{bytes, refused};
use crate::servers::{Proxy, command, find, free_port};

/// A private Kafka: a broker and a controller in one process of some 300 MB, which takes seconds to start.
/// Topics that a client asks for are made by the way. Ordinary stories share one.
pub type Kafka = Server<KafkaKind>;

/// The settings of a [`Kafka`].
pub struct KafkaKind {
    port: u16,
    controller_port: u16,
    /// Where clients are told to go, if not to `port`.
    advertised: Option<SocketAddr>,
    login: Option<Login>,
}

impl KafkaKind {
    /// Tells clients to go to this address, whichever way they came.
    #[must_use]
    pub fn advertised_as(self, address: SocketAddr) -> Self {
        Self { advertised: Some(address), ..self }
    }

    /// Lets in whoever shows this login, by SASL/PLAIN.
    #[must_use]
    pub fn guarded_by(self, login: Login) -> Self {
        Self { login: Some(login), ..self }
    }

    /// What clients speak.
    fn protocol(&self) -> &'static str {
        if self.login.is_some() { "SASL_PLAINTEXT" } else { "PLAINTEXT" }
    }

    /// The settings of what guards it.
    fn guards(&self) -> String {
        let Some(Login { user, password }) = &self.login else { return String::new() };
        let module = "org.apache.kafka.common.security.plain.PlainLoginModule required";
        format!(
            "sasl.enabled.mechanisms=PLAIN\n\
             sasl.mechanism.inter.broker.protocol=PLAIN\n\
             listener.name.sasl_plaintext.plain.sasl.jaas.config={module} username=\"{user}\" \
             password=\"{password}\" user_{user}=\"{password}\";\n"
        )
    }
}

impl Server<KafkaKind> {
    /// A new server that sends its clients through a proxy, which leads to it from now on. They begin at
    /// the proxy's address.
    ///
    /// # Panics
    /// As [`start`](Self::start).
    pub async fn start_behind(proxy: &Proxy) -> Self {
        let server = Self::start_as(KafkaKind::plain().advertised_as(proxy.address())).await;
        proxy.lead_to(server.address());
        server
    }
}

impl Kind for KafkaKind {
    const VARIABLE: &'static str = "KAFKA_URL";
    const PORT: u16 = 9092;

    fn plain() -> Self {
        Self { port: free_port(), controller_port: free_port(), advertised: None, login: None }
    }

    fn port(&self) -> u16 {
        self.port
    }

    fn login(&self) -> Option<&Login> {
        self.login.as_ref()
    }

    fn url_of(port: u16, login: Option<&Login>) -> String {
        match login {
            Some(Login { user, password }) => format!("kafka://{user}:{password}@127.0.0.1:{port}"),
            None => format!("kafka://127.0.0.1:{port}"),
        }
    }

    /// `ApiVersions`, and then `Metadata`, where a broker stands as soon as it takes messages.
    async fn greet(stream: &mut TcpStream, login: Option<&Login>) -> io::Result<()> {
        const API_VERSIONS: [u8; 4] = [0, 18, 0, 0];
        const SASL_HANDSHAKE: [u8; 4] = [0, 17, 0, 1];
        const SASL_AUTHENTICATE: [u8; 4] = [0, 36, 0, 0];
        const METADATA: [u8; 4] = [0, 3, 0, 1];
        let versions = answer(stream, API_VERSIONS, &[]).await?;
        if !versions.starts_with(&[0, 0]) {
            return Err(refused(format!("{versions:?} to ApiVersions")));
        }
        if let Some(Login { user, password }) = login {
            let mechanism = answer(stream, SASL_HANDSHAKE, b"\0\x05PLAIN").await?;
            if !mechanism.starts_with(&[0, 0]) {
                return Err(refused(format!("{mechanism:?} to SaslHandshake")));
            }
            let words = format!("\0{user}\0{password}");
            let words = [&(words.len() as u32).to_be_bytes(), words.as_bytes()].concat();
            let answered = answer(stream, SASL_AUTHENTICATE, &words).await?;
            if !answered.starts_with(&[0, 0]) {
                return Err(refused(format!("{answered:?} to SaslAuthenticate")));
            }
        }
        // Of no topic.
        let metadata = answer(stream, METADATA, &[0; 4]).await?;
        match metadata.first_chunk() {
            Some(count) if i32::from_be_bytes(*count) > 0 => Ok(()),
            _ => Err(refused("there is no broker yet")),
        }
    }

    fn prepare(&self, folder: &Path) {
        let (port, controller_port) = (self.port, self.controller_port);
        let advertised = self.advertised.unwrap_or_else(|| ([127, 0, 0, 1], port).into());
        let settings = format!(
            "process.roles=broker,controller\n\
             node.id=1\n\
             controller.quorum.voters=1@127.0.0.1:{controller_port}\n\
             controller.listener.names=CONTROLLER\n\
             listeners={protocol}://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}\n\
             advertised.listeners={protocol}://{advertised}\n\
             inter.broker.listener.name={protocol}\n\
             listener.security.protocol.map={protocol}:{protocol},CONTROLLER:PLAINTEXT\n\
             {guards}\
             log.dirs={data}\n\
             {ALONE}",
            protocol = self.protocol(),
            guards = self.guards(),
            data = folder.join("data").display(),
        );
        std::fs::write(folder.join("server.properties"), settings)
            .expect("the settings can be written");
        let data = folder.join("data");
        let files = formatted(folder);
        std::fs::create_dir_all(&data).expect("the folder can be written to");
        for (name, content) in files {
            std::fs::write(data.join(name), content).expect("the folder can be written to");
        }
    }

    fn command(&self, folder: &Path) -> Command {
        let mut command = java(folder);
        command.args(["kafka.Kafka", "server.properties"]);
        command
    }

    fn shared() -> &'static OnceCell<Shared<Self>> {
        static SHARED: OnceCell<Shared<KafkaKind>> = OnceCell::const_new();
        &SHARED
    }
}

/// What a broker that is alone needs, groups that begin at once, and a broker that may come back soon
/// after it was killed: until its session is over, its own controller takes it for a second one.
const ALONE: &str = "\
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
share.coordinator.state.topic.num.partitions=1
group.initial.rebalance.delay.ms=0
";

/// The files of a formatted folder for data: they do not say whose it is. The first server of this process has
/// them made in its own, which takes as long as half a start.
fn formatted(folder: &Path) -> &'static [(OsString, Vec<u8>)] {
    static FORMATTED: OnceLock<Vec<(OsString, Vec<u8>)>> = OnceLock::new();
    FORMATTED.get_or_init(|| {
        let formatted = java(folder)
            .args(["kafka.tools.StorageTool", "format", "--config", "server.properties"])
            // So many letters are what it takes.
            .args(["--cluster-id", "AnnalsAnnalsAnnalsAnna"])
            .output()
            .expect("java starts");
        assert!(
            formatted.status.success(),
            "kafka.tools.StorageTool: {}",
            String::from_utf8_lossy(&formatted.stderr)
        );
        let files = std::fs::read_dir(folder.join("data")).expect("the folder is made");
        let read = |file: io::Result<DirEntry>| {
            let file = file.expect("the folder can be read");
            (file.file_name(), std::fs::read(file.path()).expect("it is a file"))
        };
        files.map(read).collect()
    })
}

/// Java with Kafka's classes, which starts fast rather than running fast, and is small.
fn java(folder: &Path) -> Command {
    let java_home = std::env::var_os("JAVA_HOME").map(|home| PathBuf::from(home).join("bin"));
    let java = find("java", java_home).expect(
        "these tests start Kafka servers of their own, and there is no `java` (17 or newer): \
         apt-get install default-jre-headless (Debian), dnf install java-latest-openjdk-headless \
         (Fedora), brew install openjdk (macOS)",
    );
    let classes = cached("kafka");
    assert!(
        classes.is_dir(),
        "this test starts Kafka {}, and its classes are missing in {}: ./test.sh fetches them with \
         Maven: apt-get install maven (Debian), dnf install maven (Fedora), brew install maven (macOS)",
        version("kafka"),
        classes.display(),
    );
    let mut command = command(java, folder);
    command
        .args(["-Xms64m", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"])
        .arg("-XX:-UsePerfData")
        .arg("-Dorg.slf4j.simpleLogger.showDateTime=true")
        .arg(format!("-Djava.io.tmpdir={}", folder.display()))
        .arg("-cp")
        .arg(classes.join("*"));
    command
}

/// The answer to a request in some version of an API, without its head.
async fn answer(stream: &mut TcpStream, api: [u8; 4], body: &[u8]) -> io::Result<Vec<u8>> {
    /// Comes back with the answer, so that one knows whose it is.
    const CORRELATION: [u8; 4] = *b"ours";
    const NO_CLIENT_ID: [u8; 2] = [0xFF, 0xFF];
    let request = [&api[..], &CORRELATION, &NO_CLIENT_ID, body].concat();
    stream.write_all(&(request.len() as u32).to_be_bytes()).await?;
    stream.write_all(&request).await?;
    let size = bytes(stream, 4).await?;
    let size = u32::from_be_bytes([size[0], size[1], size[2], size[3]]) as usize;
    let answer = bytes(stream, size).await?;
    match answer.strip_prefix(&CORRELATION) {
        Some(rest) => Ok(rest.to_vec()),
        None => Err(refused("it answers what nobody has asked")),
    }
}
