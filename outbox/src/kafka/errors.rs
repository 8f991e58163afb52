//! What librdkafka's errors mean, in words for people.

use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};

use super::heard::Heard;
use super::options::Settings;
use crate::publisher::PublishError;
use crate::source::ReceiveError;

/// Why a topic's partitions are not known.
#[derive(Debug)]
pub(super) enum Unknown {
    /// It is not there.
    NotThere,
    /// It may not be seen, written to or read.
    Forbidden,
    /// Nobody has said.
    Down(String),
}

/// What a failed delivery means for the message.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The request was refused. It may be another message of the same request that is at fault.
    Refused(String),
    /// The topic.
    NotThere,
    Forbidden,
    /// The message has not left.
    NotSent(String),
    /// No word.
    NoWord(String),
}

impl Verdict {
    pub(super) fn of(error: &KafkaError, heard: &Heard) -> Self {
        let Some(code) = error.rdkafka_error_code() else {
            // A name with a zero in it, before anything was sent.
            return Self::Refused(error.to_string());
        };
        match code {
            Code::MessageSizeTooLarge
            | Code::InvalidMessage
            | Code::InvalidMessageSize
            | Code::InvalidRecord
            | Code::InvalidTimestamp
            | Code::PolicyViolation => Self::Refused(code.to_string()),
            Code::UnknownTopic
            | Code::UnknownTopicOrPartition
            | Code::UnknownPartition
            | Code::InvalidTopic => Self::NotThere,
            Code::TopicAuthorizationFailed => Self::Forbidden,
            Code::QueueFull | Code::PurgeQueue | Code::ClusterAuthorizationFailed => {
                Self::NotSent(heard.words(&code.to_string()))
            }
            code => {
                let words = heard.words("the broker has said nothing");
                Self::NoWord(format!("not confirmed: {words} ({code})"))
            }
        }
    }
}

impl Settings {
    /// Words for a topic that is not there, with the way out.
    pub(super) fn no_topic(&self, topic: &str) -> String {
        format!(
            "there is no topic `{topic}` on {}: `kafka-topics.sh --bootstrap-server {} --create --topic \
             {topic} --partitions 12 --replication-factor 3` makes it, or `KafkaOptions::declare_topics` \
             lets it be made",
            self.place(),
            self.first_server(),
        )
    }

    /// Words for a topic that we may not use.
    pub(super) fn forbidden(&self, topic: &str, operation: &str) -> String {
        let user = self.url.login.as_ref().map_or("ANONYMOUS", |login| &login.user);
        format!(
            "the user `{user}` may not use the topic `{topic}` on {}: `kafka-acls.sh --bootstrap-server {} \
             --add --allow-principal User:{user} --operation {operation} --topic {topic}` lets it",
            self.place(),
            self.first_server(),
        )
    }

    /// Words for a group that we may not use.
    pub(super) fn group_forbidden(&self, group: &str) -> String {
        let user = self.url.login.as_ref().map_or("ANONYMOUS", |login| &login.user);
        format!(
            "the user `{user}` may not use the group `{group}` on {}: `kafka-acls.sh --bootstrap-server {} \
             --add --allow-principal User:{user} --operation Read --group {group}` lets it",
            self.place(),
            self.first_server(),
        )
    }

    pub(super) fn first_server(&self) -> &str {
        self.url.servers.split(',').next().unwrap_or_default()
    }

    /// Why nothing can be sent to a topic.
    pub(super) fn unsent(&self, topic: &str, unknown: Unknown) -> PublishError {
        match unknown {
            Unknown::NotThere => PublishError::Missing { why: self.no_topic(topic) },
            Unknown::Forbidden => PublishError::Missing { why: self.forbidden(topic, "Write") },
            Unknown::Down(why) => PublishError::down(self.guessed(why)),
        }
    }

    /// Why nothing can be received from a topic.
    pub(super) fn unreceived(&self, topic: &str, unknown: Unknown) -> ReceiveError {
        match unknown {
            Unknown::NotThere => ReceiveError::Missing { why: self.no_topic(topic) },
            Unknown::Forbidden => ReceiveError::Missing { why: self.forbidden(topic, "Read") },
            Unknown::Down(why) => ReceiveError::down(self.guessed(why)),
        }
    }

    /// What may be the cause where librdkafka names none.
    fn guessed(&self, why: String) -> String {
        // After it was connected, and before anything was answered.
        let hung_up = ["brokers are down", "in state UP", "in state APIVERSION_QUERY"];
        if self.url.login.is_some() || !hung_up.iter().any(|words| why.contains(words)) {
            return why;
        }
        format!(
            "{why}: servers that want a login (SASL) or TLS hang up without a word on who shows none, and \
             the URL has no user"
        )
    }

    /// Why a group's places cannot be read or written.
    pub(super) fn ungrouped(&self, group: &str, error: &KafkaError, heard: &Heard) -> ReceiveError {
        match error.rdkafka_error_code() {
            Some(Code::GroupAuthorizationFailed) => {
                ReceiveError::Missing { why: self.group_forbidden(group) }
            }
            Some(Code::TopicAuthorizationFailed) => {
                let why = format!("a topic of the group `{group}` may not be read: {error}");
                ReceiveError::Missing { why }
            }
            Some(Code::InvalidGroupId | Code::InvalidCommitOffsetSize) => {
                let why = format!("{} does not take the group `{group}`: {error}", self.place());
                ReceiveError::Missing { why }
            }
            Some(Code::UnknownMemberId | Code::IllegalGeneration | Code::RebalanceInProgress) => {
                let why = format!(
                    "consumers of another kind are members of the group `{group}`, and share its \
                     partitions among themselves: stop them, or give this one a name of its own"
                );
                ReceiveError::Missing { why }
            }
            _ => ReceiveError::down(format!("{}: {error}", heard.words("no answer in time"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::options::KafkaOptions;
    use super::*;

    #[test]
    fn who_is_at_fault_is_told_apart() {
        let heard = Heard::default();
        let verdict = |code| Verdict::of(&KafkaError::MessageProduction(code), &heard);
        assert!(matches!(verdict(Code::MessageSizeTooLarge), Verdict::Refused(_)));
        assert_eq!(verdict(Code::UnknownTopic), Verdict::NotThere);
        assert_eq!(verdict(Code::TopicAuthorizationFailed), Verdict::Forbidden);
        assert!(matches!(verdict(Code::MessageTimedOut), Verdict::NoWord(_)));
        assert!(matches!(verdict(Code::PurgeInflight), Verdict::NoWord(_)));
        assert!(matches!(verdict(Code::PurgeQueue), Verdict::NotSent(_)));
    }

    #[test]
    fn words_name_the_way_out_and_no_password() {
        let options = KafkaOptions::new("kafka://shop:hidden@one,two");
        let options = options.settings().expect("good options");
        let words = options.no_topic("orders");
        assert!(words.contains("--bootstrap-server one:9092 --create --topic orders"), "{words}");
        assert!(options.forbidden("orders", "Write").contains("User:shop"));
        assert!(!format!("{words}{}", options.group_forbidden("g")).contains("hidden"));
    }
}
