//! What a connection to NATS needs to know.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use super::stream::NatsStream;
use super::url;

/// How NATS is reached, and what is expected there.
///
/// ```
/// use std::time::Duration;
///
/// use annals_outbox::nats::{NatsOptions, NatsStream};
///
/// let month = Duration::from_secs(30 * 24 * 3600);
/// let options = NatsOptions::new("nats://shop:secret@10.0.0.7:4222")
///     .declare(NatsStream::new("SHOP", ["shop.>"]).replicas(3).max_age(month));
/// assert!(!format!("{options:?}").contains("secret"));
/// ```
#[derive(Clone)]
pub struct NatsOptions {
    pub(super) url: String,
    pub(super) name: String,
    pub(super) domain: Option<String>,
    pub(super) inbox_prefix: String,
    pub(super) answer_within: Duration,
    pub(super) connect_within: Duration,
    pub(super) quiet_for: Duration,
    pub(super) ca_file: Option<PathBuf>,
    pub(super) identity: Option<(PathBuf, PathBuf)>,
    pub(super) streams: Vec<NatsStream>,
}

impl NatsOptions {
    /// The servers of a cluster, with commas between them: `nats://user:password@host:4222`,
    /// `nats://token@host`, and `tls://…` for TLS only. In users, passwords and tokens, other characters
    /// than letters and digits are written as `%` with two digits.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            name: "annals".to_owned(),
            domain: None,
            inbox_prefix: "_INBOX".to_owned(),
            answer_within: Duration::from_secs(5),
            connect_within: Duration::from_secs(5),
            quiet_for: Duration::from_secs(10),
            ca_file: None,
            identity: None,
            streams: Vec::new(),
        }
    }

    /// Under what name the server lists the connection; `annals` if nobody says otherwise.
    #[must_use]
    pub fn name(self, name: impl Into<String>) -> Self {
        Self { name: name.into(), ..self }
    }

    /// A stream that is made where it is not there. One that is there stays as it is: what it lacks is
    /// reported. Without this, streams are only checked.
    #[must_use]
    pub fn declare(mut self, stream: NatsStream) -> Self {
        self.streams.push(stream);
        self
    }

    /// How long an answer of the broker is waited for, and thereby how long
    /// [`publish`](crate::Publisher::publish) takes at the most; 5 s if nobody says otherwise.
    #[must_use]
    pub fn answer_within(self, limit: Duration) -> Self {
        Self { answer_within: limit, ..self }
    }

    /// How long the way to one server may take, with TLS and the log-in; 5 s if nobody says otherwise.
    #[must_use]
    pub fn connect_within(self, limit: Duration) -> Self {
        Self { connect_within: limit, ..self }
    }

    /// After how long without a message a consumer is looked at: one that has messages and sends none is
    /// built anew. 10 s if nobody says otherwise.
    #[must_use]
    pub fn quiet_for(self, limit: Duration) -> Self {
        Self { quiet_for: limit, ..self }
    }

    /// Trusts the certificates of a PEM file in place of those that the operating system trusts.
    #[must_use]
    pub fn ca_file(self, file: impl Into<PathBuf>) -> Self {
        Self { ca_file: Some(file.into()), ..self }
    }

    /// Shows a server that asks for it who we are, by PEM files.
    #[must_use]
    pub fn identity(self, certificate: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        Self { identity: Some((certificate.into(), key.into())), ..self }
    }

    /// The domain of JetStream, where leaf nodes have one of their own.
    #[must_use]
    pub fn domain(self, domain: impl Into<String>) -> Self {
        Self { domain: Some(domain.into()), ..self }
    }

    /// Under what subject answers come, for users who may not subscribe to `_INBOX.>`.
    #[must_use]
    pub fn inbox_prefix(self, prefix: impl Into<String>) -> Self {
        Self { inbox_prefix: prefix.into(), ..self }
    }

    /// Where JetStream listens for requests.
    pub(super) fn api(&self) -> String {
        match &self.domain {
            Some(domain) => format!("$JS.{domain}.API"),
            None => "$JS.API".to_owned(),
        }
    }
}

impl fmt::Debug for NatsOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = url::read(&self.url).map(|servers| servers.shown);
        f.debug_struct("NatsOptions")
            .field("url", &shown.unwrap_or_else(|_| "invalid".to_owned()))
            .field("name", &self.name)
            .field("answer_within", &self.answer_within)
            .field("connect_within", &self.connect_within)
            .field("quiet_for", &self.quiet_for)
            .field("ca_file", &self.ca_file)
            .field("streams", &self.streams)
            .finish_non_exhaustive()
    }
}
