//! What can be set.

use crate::InvalidOptions;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use super::url::Url;

/// Settings of a [`KafkaPublisher`](super::KafkaPublisher) and a [`KafkaSource`](super::KafkaSource).
///
/// ```
/// use annals_outbox::kafka::KafkaOptions;
///
/// let options = KafkaOptions::new("kafka://shop:secret@10.0.0.7,10.0.0.8");
/// assert!(!format!("{options:?}").contains("secret"));
/// ```
#[derive(Clone)]
pub struct KafkaOptions {
    url: String,
    ca_file: Option<PathBuf>,
    publish_within: Duration,
    answer_within: Duration,
    declared: Option<Declared>,
    start: KafkaStart,
    look_every: Duration,
}

/// The same, read and found possible.
#[derive(Clone)]
pub(super) struct Settings {
    pub(super) url: Url,
    pub(super) ca_file: Option<PathBuf>,
    pub(super) publish_within: Duration,
    pub(super) answer_within: Duration,
    pub(super) declared: Option<Declared>,
    pub(super) start: KafkaStart,
    pub(super) look_every: Duration,
}

/// A name and a password.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Login {
    pub(super) user: String,
    pub(super) password: String,
    pub(super) sasl: Sasl,
}

/// How a password is shown to a broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sasl {
    Plain,
    ScramSha256,
    ScramSha512,
}

impl Sasl {
    /// Kafka's name for it.
    pub(super) fn mechanism(self) -> &'static str {
        match self {
            Self::Plain => "PLAIN",
            Self::ScramSha256 => "SCRAM-SHA-256",
            Self::ScramSha512 => "SCRAM-SHA-512",
        }
    }
}

/// How topics are made that are not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Declared {
    pub(super) partitions: u32,
    pub(super) replication: u16,
}

/// Where a group begins that has never received anything from a topic.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub enum KafkaStart {
    /// With the oldest message that the broker has.
    #[default]
    Earliest,
    /// With what comes from now on.
    Latest,
}

impl KafkaOptions {
    /// For `kafka://host:9092,host:9092`, or `kafkas://…` for TLS, with `user:password@` before the hosts
    /// (percent-encoded) and `?sasl=plain`, `?sasl=scram-sha-256` or `?sasl=scram-sha-512` behind them. TLS
    /// and SCRAM need the feature `ssl` of `rdkafka`.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            ca_file: None,
            publish_within: Duration::from_secs(15),
            answer_within: Duration::from_secs(10),
            declared: None,
            start: KafkaStart::Earliest,
            look_every: Duration::from_secs(30),
        }
    }

    /// Trusts those whose certificates stand in a PEM file, and nobody else. Without it, whom OpenSSL
    /// trusts on this machine.
    #[must_use]
    pub fn ca_file(self, file: impl Into<PathBuf>) -> Self {
        Self { ca_file: Some(file.into()), ..self }
    }

    /// After how long without a word from the brokers a message counts as in doubt, and as not sent if there
    /// was no room for it until then. From 100 ms on; default 15 s.
    #[must_use]
    pub fn publish_within(self, limit: Duration) -> Self {
        Self { publish_within: limit, ..self }
    }

    /// After how long a broker that does not answer counts as down, and for how long a connection may take
    /// to be made. From 1 s to 5 min; default 10 s.
    #[must_use]
    pub fn answer_within(self, limit: Duration) -> Self {
        Self { answer_within: limit, ..self }
    }

    /// Makes topics that are not there, with so many partitions, each on `replication` brokers. Topics that
    /// are there stay as they are. Without it they are only looked for: nothing is made by the way, even
    /// where the brokers would do so.
    #[must_use]
    pub fn declare_topics(self, partitions: u32, replication: u16) -> Self {
        Self { declared: Some(Declared { partitions, replication }), ..self }
    }

    /// Where a group begins that has never received anything. It is decided once for all partitions, by the
    /// first part that is opened; partitions that come later begin with their first message. Default
    /// [`KafkaStart::Earliest`].
    #[must_use]
    pub fn start(self, start: KafkaStart) -> Self {
        Self { start, ..self }
    }

    /// How often a source looks whether its topics have more partitions. From 100 ms on; default 30 s.
    #[must_use]
    pub fn look_for_partitions_every(self, interval: Duration) -> Self {
        Self { look_every: interval, ..self }
    }

    /// # Errors
    /// What is out of its bounds.
    pub(super) fn settings(self) -> Result<Settings, InvalidOptions> {
        let url = Url::parse(&self.url)?;
        if self.ca_file.is_some() && !url.tls {
            let why = "`ca_file` is for TLS: begin the URL with `kafkas://`";
            return Err(InvalidOptions::new(why));
        }
        let within = |name: &str, value: Duration, least: Duration, most: Duration| {
            if (least..=most).contains(&value) {
                return Ok(());
            }
            let why = format!("`{name}` is {value:?}: it goes from {least:?} to {most:?}");
            Err(InvalidOptions::new(why))
        };
        let day = Duration::from_secs(86_400);
        let tenth = Duration::from_millis(100);
        within("publish_within", self.publish_within, tenth, day)?;
        let most = Duration::from_secs(300);
        within("answer_within", self.answer_within, Duration::from_secs(1), most)?;
        within("look_for_partitions_every", self.look_every, tenth, day)?;
        let declared = self.declared;
        if declared.is_some_and(|how| how.partitions == 0 || how.replication == 0) {
            let why = "`declare_topics` makes at least one partition, on at least one broker";
            return Err(InvalidOptions::new(why));
        }
        Ok(Settings {
            url,
            ca_file: self.ca_file,
            publish_within: self.publish_within,
            answer_within: self.answer_within,
            declared: self.declared,
            start: self.start,
            look_every: self.look_every,
        })
    }
}

impl Settings {
    /// The servers as people know them, without user and password.
    pub(super) fn place(&self) -> String {
        let scheme = if self.url.tls { "kafkas" } else { "kafka" };
        format!("{scheme}://{}", self.url.servers)
    }
}

impl fmt::Debug for KafkaOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Everything but who comes there, and by which password.
        let place = self.url.rsplit_once('@').map_or(&*self.url, |(_, place)| place);
        f.debug_struct("KafkaOptions")
            .field("place", &place)
            .field("ca_file", &self.ca_file)
            .field("publish_within", &self.publish_within)
            .field("answer_within", &self.answer_within)
            .field("declared", &self.declared)
            .field("start", &self.start)
            .field("look_every", &self.look_every)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(options: KafkaOptions) -> String {
        options.settings().err().expect("it is refused").to_string()
    }

    #[test]
    fn bounds_are_checked() {
        let options = KafkaOptions::new("kafka://shop:hidden@one");
        assert_eq!(options.clone().settings().expect("the defaults").place(), "kafka://one:9092");
        let slow = options.clone().answer_within(Duration::from_millis(10));
        assert!(refused(slow).contains("`answer_within` is 10ms"));
        assert!(refused(options.clone().publish_within(Duration::ZERO)).contains("publish_within"));
        let never = options.clone().look_for_partitions_every(Duration::ZERO);
        assert!(refused(never).contains("look_for_partitions_every"));
        assert!(refused(options.clone().declare_topics(0, 1)).contains("declare_topics"));
        assert!(refused(options.clone().ca_file("/etc/ca.pem")).contains("`kafkas://`"));
        assert!(!format!("{options:?}").contains("hidden"));
    }
}
