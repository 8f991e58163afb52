//! What can be set on a publisher and a source of Redis.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use super::url::Place;

/// Who may sign a server's certificate.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum RedisRoots {
    /// Whom the operating system trusts.
    #[default]
    System,
    /// Those whose certificates stand in a PEM file.
    File(PathBuf),
}

/// When a message counts as stored.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum RedisSafety {
    /// When the server has answered: it is as safe as the server's `appendfsync` makes it.
    #[default]
    Answered,
    /// When so many replicas have it in memory, too (`WAIT`).
    Replicas(u32),
    /// When it is in the append-only file on the disk of the server and of so many replicas (`WAITAOF`,
    /// from Redis 7.2).
    Disks {
        /// How many replicas beside the server itself.
        replicas: u32,
    },
}

/// Where a group begins that is made by a source.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub enum RedisStart {
    /// With the oldest message that is there.
    #[default]
    Oldest,
    /// With what comes after the group was made.
    Newest,
}

/// Settings of a [`RedisPublisher`](super::RedisPublisher), a [`RedisPubSub`](super::RedisPubSub) and a
/// [`RedisSource`](super::RedisSource).
///
/// ```
/// use std::time::Duration;
///
/// use annals_outbox::redis::{RedisOptions, RedisSafety};
///
/// let options = RedisOptions::new("rediss://shop:secret@redis.internal:6379/0")
///     .ca_file("/etc/ssl/internal.pem")
///     .answer_within(Duration::from_secs(3))
///     .safety(RedisSafety::Replicas(1))
///     .keep_at_least(1_000_000);
/// // No password is shown.
/// assert!(!format!("{options:?}").contains("secret"));
/// ```
#[derive(Clone)]
pub struct RedisOptions {
    pub(super) url: String,
    pub(super) roots: RedisRoots,
    pub(super) identity: Option<(PathBuf, PathBuf)>,
    pub(super) connect_within: Duration,
    pub(super) answer_within: Duration,
    pub(super) declare: bool,
    pub(super) repeats_within: Option<Duration>,
    pub(super) safety: RedisSafety,
    pub(super) keep_at_least: Option<u64>,
    pub(super) max_message_bytes: usize,
    pub(super) start: RedisStart,
}

impl RedisOptions {
    /// The defaults for a server: `redis://user:password@host:port/database`, or `rediss://…` for one that
    /// talks TLS. User, password, port (6379) and database (0) may be left out; what has a meaning in a URL
    /// is written as `%40` in a user and a password.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            roots: RedisRoots::System,
            identity: None,
            connect_within: Duration::from_secs(3),
            answer_within: Duration::from_secs(5),
            declare: true,
            repeats_within: Some(Duration::from_secs(120)),
            safety: RedisSafety::Answered,
            keep_at_least: None,
            max_message_bytes: 32 * 1024 * 1024,
            start: RedisStart::Oldest,
        }
    }

    /// Believes only servers whose certificate is signed by one in this PEM file; else whom the operating
    /// system trusts. For `rediss://` only.
    #[must_use]
    pub fn ca_file(self, file: impl Into<PathBuf>) -> Self {
        Self { roots: RedisRoots::File(file.into()), ..self }
    }

    /// Shows a certificate of our own to the server: PEM files with the certificate and its key. For
    /// `rediss://` only.
    #[must_use]
    pub fn identity(self, file: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        Self { identity: Some((file.into(), key.into())), ..self }
    }

    /// How long a connection may take to be there, TLS and password included: 3 s.
    #[must_use]
    pub fn connect_within(self, limit: Duration) -> Self {
        Self { connect_within: limit, ..self }
    }

    /// How long `publish`, and each answer of the server, may take: 5 s.
    #[must_use]
    pub fn answer_within(self, limit: Duration) -> Self {
        Self { answer_within: limit, ..self }
    }

    /// Whether streams and groups that are not there are made, which they are unless `false` is said here.
    /// Then a stream that nobody has made is [`Missing`](crate::PublishError::Missing).
    #[must_use]
    pub fn declare(self, make: bool) -> Self {
        Self { declare: make, ..self }
    }

    /// For how long the ids of messages are remembered: a message that is sent again meanwhile is not stored
    /// again, and another one of the same id is refused. 2 minutes; `None` remembers nothing, which saves
    /// the server a script and some 190 bytes a message of that time.
    #[must_use]
    pub fn repeats_within(self, window: Option<Duration>) -> Self {
        Self { repeats_within: window, ..self }
    }

    /// When a message counts as stored.
    #[must_use]
    pub fn safety(self, safety: RedisSafety) -> Self {
        Self { safety, ..self }
    }

    /// Lets the server throw away the oldest messages of a stream that has more than this (`MAXLEN ~`);
    /// else nobody does, and the stream grows. A group that has not had them is told of a
    /// [`Gap`](crate::ReceiveError::Gap).
    #[must_use]
    pub fn keep_at_least(self, messages: u64) -> Self {
        Self { keep_at_least: Some(messages), ..self }
    }

    /// Larger messages are refused before they are sent: 32 MiB, or the server's `proto-max-bulk-len` if that
    /// is less. A server closes the connection over what is too large for it, with all that is under way.
    #[must_use]
    pub fn max_message_bytes(self, bytes: usize) -> Self {
        Self { max_message_bytes: bytes, ..self }
    }

    /// Where a group begins that is made.
    #[must_use]
    pub fn start(self, start: RedisStart) -> Self {
        Self { start, ..self }
    }
}

impl fmt::Debug for RedisOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = Place::parse(&self.url);
        f.debug_struct("RedisOptions")
            .field("url", &place.as_ref().map_or("(cannot be read)", Place::shown))
            .field("roots", &self.roots)
            .field("identity", &self.identity)
            .field("connect_within", &self.connect_within)
            .field("answer_within", &self.answer_within)
            .field("declare", &self.declare)
            .field("repeats_within", &self.repeats_within)
            .field("safety", &self.safety)
            .field("keep_at_least", &self.keep_at_least)
            .field("max_message_bytes", &self.max_message_bytes)
            .field("start", &self.start)
            .finish()
    }
}
