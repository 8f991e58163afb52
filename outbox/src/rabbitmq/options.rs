//! What can be set.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use super::topology::Topology;

/// Settings of a [`RabbitMqPublisher`](super::RabbitMqPublisher) and a
/// [`RabbitMqSource`](super::RabbitMqSource). They are checked when one of these is made.
///
/// ```
/// use annals_outbox::rabbitmq::{ExchangeType, QueueType, RabbitMqOptions, Topology};
///
/// let options = RabbitMqOptions::new("amqp://shop:secret@localhost:5672/%2f").topology(
///     Topology::declared()
///         .exchange("orders", ExchangeType::Topic)
///         .queue("billing.orders", QueueType::Quorum)
///         .bind("billing.orders", "orders", "order.*"),
/// );
/// assert!(!format!("{options:?}").contains("secret"));
/// ```
#[derive(Clone)]
pub struct RabbitMqOptions {
    pub(super) url: String,
    pub(super) name: String,
    pub(super) connect_within: Duration,
    pub(super) publish_within: Duration,
    pub(super) heartbeat: Duration,
    pub(super) ca_file: Option<PathBuf>,
    pub(super) topology: Topology,
    pub(super) in_flight: usize,
    pub(super) prefetch: u16,
    pub(super) take_over: TakeOver,
}

/// How it is kept that one receiver at a time has a queue.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub enum TakeOver {
    /// The queue does it: it has the argument `x-single-active-consumer`, as all queues have that a
    /// [`Topology`] declares. Who comes second is given the queue at the moment the first one is gone.
    #[default]
    SingleActive,
    /// The consumer asks for it: for classic queues that somebody else has made without that argument.
    /// Quorum queues do not heed it.
    Exclusive,
}

impl RabbitMqOptions {
    /// The defaults for `amqp://user:password@host:port/vhost`, or `amqps://…` for an encrypted connection
    /// with the server's certificate and name checked. Special characters are percent-encoded: `%2f` is the
    /// usual vhost `/`, which is also what is meant when the URL has no path.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            name: "annals".to_owned(),
            connect_within: Duration::from_secs(5),
            publish_within: Duration::from_secs(10),
            heartbeat: Duration::from_secs(10),
            ca_file: None,
            topology: Topology::checked(),
            in_flight: 1000,
            prefetch: 200,
            take_over: TakeOver::default(),
        }
    }

    /// The connection's name in RabbitMQ's own lists.
    #[must_use]
    pub fn name(self, name: impl Into<String>) -> Self {
        Self { name: name.into(), ..self }
    }

    /// How long connecting may take, with all that is asked before the first message: 5 seconds.
    #[must_use]
    pub fn connect_within(self, limit: Duration) -> Self {
        Self { connect_within: limit, ..self }
    }

    /// How long one `publish` may take, until its message is confirmed: 10 seconds.
    #[must_use]
    pub fn publish_within(self, limit: Duration) -> Self {
        Self { publish_within: limit, ..self }
    }

    /// How often both ends show that they are there: every 10 seconds. Who is silent for twice as long
    /// counts as gone. Whole seconds, at least 1; the server may want less.
    #[must_use]
    pub fn heartbeat(self, interval: Duration) -> Self {
        Self { heartbeat: interval, ..self }
    }

    /// Trusts only servers whose certificate is signed by one of this PEM file; else whom the operating
    /// system trusts.
    #[must_use]
    pub fn ca_file(self, file: impl Into<PathBuf>) -> Self {
        Self { ca_file: Some(file.into()), ..self }
    }

    /// What is declared on each new connection; by default nothing is, and what is needed has to be there.
    #[must_use]
    pub fn topology(self, topology: Topology) -> Self {
        Self { topology, ..self }
    }

    /// How many messages may be unconfirmed at the same time for one exchange: 1,000, at least 1. They have
    /// no more than 64 MB together, unless one alone has more.
    #[must_use]
    pub fn in_flight(self, messages: usize) -> Self {
        Self { in_flight: messages.max(1), ..self }
    }

    /// How many unacknowledged messages the broker sends to a receiver: 200, at least 1 for each of its
    /// queues. As many may be held in memory.
    #[must_use]
    pub fn prefetch(self, messages: u16) -> Self {
        Self { prefetch: messages.max(1), ..self }
    }

    /// How it is kept that one receiver at a time has a queue.
    #[must_use]
    pub fn take_over(self, take_over: TakeOver) -> Self {
        Self { take_over, ..self }
    }
}

impl fmt::Debug for RabbitMqOptions {
    /// Without the URL: it holds the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RabbitMqOptions")
            .field("name", &self.name)
            .field("connect_within", &self.connect_within)
            .field("publish_within", &self.publish_within)
            .field("heartbeat", &self.heartbeat)
            .field("ca_file", &self.ca_file)
            .field("topology", &self.topology)
            .field("in_flight", &self.in_flight)
            .field("prefetch", &self.prefetch)
            .field("take_over", &self.take_over)
            .finish_non_exhaustive()
    }
}
