//! What librdkafka is told.

use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::error::KafkaError;

use super::options::{Sasl, Settings};
use crate::InvalidOptions;

/// How large a request may be that a broker takes with its own default settings
/// (`socket.request.max.bytes`): it hangs up on a larger one without a word. Below that, the limits of the
/// broker and the topic decide.
pub(super) const LARGEST_REQUEST: usize = 100_000_000;

/// How much a receiver holds that nobody has taken, in kB, and one answer more.
const PREFETCHED_KB: usize = 8_192;

/// How large an answer is, in bytes. The first message comes whatever its size.
const FETCHED: usize = 4 * 1_048_576;

impl Settings {
    /// What producers, consumers and those who make topics have in common.
    ///
    /// # Errors
    /// What this build cannot do.
    pub(super) fn client(&self) -> Result<ClientConfig, InvalidOptions> {
        self.check_build()?;
        let answer = ms(self.answer_within);
        let mut config = ClientConfig::new();
        config
            .set("client.id", "annals")
            .set("bootstrap.servers", &self.url.servers)
            .set("socket.timeout.ms", &answer)
            .set("socket.connection.setup.timeout.ms", &answer)
            .set("socket.keepalive.enable", "true")
            .set("reconnect.backoff.max.ms", "500")
            // A topic that is made by the way has a number of partitions that nobody has chosen.
            .set("allow.auto.create.topics", "false")
            .set("topic.metadata.propagation.max.ms", "2000");
        let protocol = match (self.url.tls, &self.url.login) {
            (false, None) => "plaintext",
            (true, None) => "ssl",
            (false, Some(_)) => "sasl_plaintext",
            (true, Some(_)) => "sasl_ssl",
        };
        config.set("security.protocol", protocol);
        if let Some(login) = &self.url.login {
            config
                .set("sasl.mechanism", login.sasl.mechanism())
                .set("sasl.username", &login.user)
                .set("sasl.password", &login.password);
        }
        if let Some(file) = &self.ca_file {
            let file = file.to_str().ok_or_else(|| {
                InvalidOptions::new(format!("the path {} is not UTF-8", file.display()))
            })?;
            config.set("ssl.ca.location", file);
        }
        Ok(config)
    }

    /// Whether this build of librdkafka knows what is wanted.
    fn check_build(&self) -> Result<(), InvalidOptions> {
        let config = ClientConfig::new().create_native_config().map_err(not_made)?;
        let built_with = config.get("builtin.features").map_err(not_made)?;
        let sasl = self.url.login.as_ref().map_or(Sasl::Plain, |login| login.sasl);
        let wanted = match (self.url.tls, sasl) {
            (true, _) => "ssl",
            (false, Sasl::Plain) => return Ok(()),
            (false, Sasl::ScramSha256 | Sasl::ScramSha512) => "sasl_scram",
        };
        if built_with.trim_end_matches('\0').split(',').any(|feature| feature.trim() == wanted) {
            return Ok(());
        }
        let why =
            "TLS and SCRAM need the feature `ssl` of the crate `rdkafka`, which needs OpenSSL";
        Err(InvalidOptions::new(why))
    }

    /// A producer's. One that sends `alone` puts no two messages into one request.
    pub(super) fn producer(&self, alone: bool) -> Result<ClientConfig, InvalidOptions> {
        let mut config = self.client()?;
        config
            .set("enable.idempotence", "true")
            .set("acks", "all")
            .set("message.timeout.ms", ms(self.publish_within))
            .set("request.timeout.ms", ms(self.answer_within.min(self.publish_within)))
            .set("linger.ms", if alone { "0" } else { "1" })
            // As Java's clients do: a key goes to one partition, whoever sends it.
            .set("partitioner", "murmur2_random")
            .set("message.max.bytes", LARGEST_REQUEST.to_string())
            // What waits is bounded by us, so that it can wait for room.
            .set("queue.buffering.max.messages", "0")
            .set("queue.buffering.max.kbytes", "1048576");
        if alone {
            config.set("batch.num.messages", "1");
        }
        Ok(config)
    }

    /// The consumer's of a group.
    pub(super) fn consumer(&self, group: &str) -> Result<ClientConfig, InvalidOptions> {
        let mut config = self.client()?;
        config
            .set("group.id", group)
            // For so long a commit waits for whoever keeps the group's offsets.
            .set("session.timeout.ms", ms(self.answer_within))
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            // Messages that are gone are a gap to be told, not to be jumped over.
            .set("auto.offset.reset", "error")
            .set("isolation.level", "read_committed")
            .set("check.crcs", "true")
            .set("fetch.wait.max.ms", "500")
            .set("fetch.max.bytes", FETCHED.to_string())
            .set("queued.min.messages", "10000")
            .set("queued.max.messages.kbytes", PREFETCHED_KB.to_string())
            // How soon it asks for more once there is room.
            .set("fetch.queue.backoff.ms", "20")
            .set("receive.message.max.bytes", (2 * LARGEST_REQUEST).to_string());
        Ok(config)
    }
}

/// Whole milliseconds.
fn ms(time: Duration) -> String {
    time.as_millis().to_string()
}

/// What is wrong with the options when a client cannot be made: without values, of which one is a password.
pub(super) fn not_made(error: KafkaError) -> InvalidOptions {
    InvalidOptions::new(match error {
        KafkaError::ClientConfig(_, why, name, _) => format!("{name}: {why}"),
        other => other.to_string(),
    })
}
