//! The brokers that ordinary tests share.

use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::timeout;

use super::kind::Kind;
use super::server::{Server, greet};

/// How long a server may take to let us in.
const PATIENCE: Duration = Duration::from_secs(5);

/// A server that several tests use at once.
pub enum Shared<K: Kind> {
    /// Somebody else's, by its URL.
    Found(String),
    /// One of this process.
    Started(Server<K>),
}

impl<K: Kind> Server<K> {
    /// The URL of a server that several tests use at once, each under a [`fresh_name`]: what the
    /// environment variable `NATS_URL`, `AMQP_URL`, `REDIS_URL` or `KAFKA_URL` says, else what listens on
    /// the usual port of this machine and lets us in without more ado, else a server of this process.
    ///
    /// # Panics
    /// When nobody listens where the variable leads to, or no server can be started.
    pub async fn shared() -> String {
        let shared = K::shared().get_or_init(|| async {
            if let Ok(url) = std::env::var(K::VARIABLE) {
                let address = address_of(&url, K::PORT);
                let connected = timeout(PATIENCE, TcpStream::connect(&address)).await;
                assert!(
                    matches!(connected, Ok(Ok(_))),
                    "{} leads to {address}, where nobody listens: start a server there, or unset it, \
                     and the tests start one for themselves",
                    K::VARIABLE,
                );
                return Shared::Found(url);
            }
            let usual = format!("127.0.0.1:{}", K::PORT);
            match timeout(PATIENCE, greet::<K>(usual, None)).await {
                Ok(Ok(())) => Shared::Found(K::url_of(K::PORT, None)),
                _ => Shared::Started(Self::start().await),
            }
        });
        match shared.await {
            Shared::Found(url) => url.clone(),
            Shared::Started(server) => server.url(),
        }
    }
}

/// A name for a stream, a queue, a key or a topic that nobody else uses: it begins with `annals_test_`,
/// and has only letters, digits and `_` if `what` has.
pub fn fresh_name(what: &str) -> String {
    format!("annals_test_{what}_{}", uuid::Uuid::now_v7().simple())
}

/// Host and port of the first server of a URL, as in `127.0.0.1:4222`. A scheme is optional.
fn address_of(url: &str, usual_port: u16) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let servers = rest.split(['/', '?']).next().unwrap_or_default();
    let first = servers.split(',').next().unwrap_or_default();
    let host = first.rsplit_once('@').map_or(first, |(_, host)| host);
    // An address of version 6 ends with `]` if it has no port.
    let has_port = host.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    if has_port { host.to_owned() } else { format!("{host}:{usual_port}") }
}
