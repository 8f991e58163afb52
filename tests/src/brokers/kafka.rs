//! Apache Kafka.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

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
}

impl KafkaKind {
    /// Tells clients to go to this address, whichever way they came.
    #[must_use]
    pub fn advertised_as(self, address: SocketAddr) -> Self {
        Self { advertised: Some(address), ..self }
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
        Self { port: free_port(), controller_port: free_port(), advertised: None }
    }

    fn port(&self) -> u16 {
        self.port
    }

    fn login(&self) -> Option<&Login> {
        None
    }

    fn url_of(port: u16, _: Option<&Login>) -> String {
        format!("kafka://127.0.0.1:{port}")
    }

    /// `ApiVersions`, and then `Metadata`, where a broker stands as soon as it takes messages.
    async fn greet(stream: &mut TcpStream, _: Option<&Login>) -> io::Result<()> {
        const API_VERSIONS: [u8; 4] = [0, 18, 0, 0];
        const METADATA: [u8; 4] = [0, 3, 0, 1];
        let versions = answer(stream, API_VERSIONS, &[]).await?;
        if !versions.starts_with(&[0, 0]) {
            return Err(refused(format!("{versions:?} to ApiVersions")));
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
             listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}\n\
             advertised.listeners=PLAINTEXT://{advertised}\n\
             log.dirs={data}\n\
             {ALONE}",
            data = folder.join("data").display(),
        );
        std::fs::write(folder.join("server.properties"), settings)
            .expect("the settings can be written");
        // 22 characters are what it takes, and the last ones differ between servers.
        let cluster = uuid::Uuid::now_v7().simple().to_string();
        let formatted = java(folder)
            .args(["kafka.tools.StorageTool", "format", "--cluster-id", &cluster[10..]])
            .args(["--config", "server.properties"])
            .output()
            .expect("java starts");
        assert!(
            formatted.status.success(),
            "kafka.tools.StorageTool: {}",
            String::from_utf8_lossy(&formatted.stderr)
        );
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
