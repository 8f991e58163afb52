//! Looking for topics, and making them.

use std::time::{Duration, Instant};

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, ResourceSpecifier, TopicReplication};
use rdkafka::client::Client;
use rdkafka::config::FromClientConfigAndContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::{ClientContext, TopicPartitionList};

use super::errors::Unknown;
use super::heard::Heard;
use super::options::{Declared, Settings};

/// For how long librdkafka looks before we look at what it has heard meanwhile: a wrong password need not
/// be tried until the time is over.
const SLICE: Duration = Duration::from_millis(500);

/// How many partitions a topic has. **Blocks** until somebody answers, at the most until `deadline`.
/// Whoever polls the client's events in no other way does it in `pump`.
pub(super) fn partitions<C: ClientContext>(
    client: &Client<C>,
    heard: &Heard,
    topic: &str,
    deadline: Instant,
    pump: &dyn Fn(),
) -> Result<i32, Unknown> {
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let answer = client.fetch_metadata(Some(topic), left.min(SLICE));
        pump();
        let error = match &answer {
            Ok(metadata) => {
                heard.up();
                let Some(found) = metadata.topics().first() else { return Err(Unknown::NotThere) };
                match found.error().map(Code::from) {
                    None => return Ok(found.partitions().len().try_into().unwrap_or(i32::MAX)),
                    Some(
                        Code::UnknownTopicOrPartition | Code::UnknownTopic | Code::InvalidTopic,
                    ) => {
                        return Err(Unknown::NotThere);
                    }
                    Some(Code::TopicAuthorizationFailed) => return Err(Unknown::Forbidden),
                    // It was made just now, and has no leader yet.
                    Some(code) => KafkaError::MetadataFetch(code),
                }
            }
            Err(error) => error.clone(),
        };
        if let Some(refusal) = heard.refusal() {
            return Err(Unknown::Down(refusal));
        }
        if Instant::now() + Duration::from_millis(1) >= deadline {
            return Err(Unknown::Down(heard.words(&error.to_string())));
        }
        if answer.is_ok() {
            std::thread::sleep(left.min(Duration::from_millis(50)));
        }
    }
}

/// Makes a topic, unless somebody else has just made it.
///
/// # Errors
/// Why it is not there.
pub(super) async fn declare(
    options: &Settings,
    topic: &str,
    Declared { partitions, replication }: Declared,
) -> Result<(), Unknown> {
    let down = |error: &dyn ToString| Unknown::Down(error.to_string());
    let config = options.client().map_err(|error| down(&error))?;
    let heard = Heard::default();
    let admin = AdminClient::from_config_and_context(&config, heard.clone());
    let admin = admin.map_err(|error| down(&error))?;
    let count = partitions.try_into().unwrap_or(i32::MAX);
    let topic = NewTopic::new(topic, count, TopicReplication::Fixed(replication.into()));
    let limit = Some(options.answer_within);
    let limits = AdminOptions::new().request_timeout(limit).operation_timeout(limit);
    let answer = admin.create_topics([&topic], &limits).await;
    // It waits for its threads.
    std::thread::spawn(move || drop(admin));
    match answer.map_err(|error| Unknown::Down(heard.words(&error.to_string())))?.pop() {
        Some(Ok(_) | Err((_, Code::TopicAlreadyExists))) => {
            tracing::info!(topic = topic.name, partitions, replication, "a topic is made");
            Ok(())
        }
        Some(Err((_, Code::TopicAuthorizationFailed | Code::ClusterAuthorizationFailed))) => {
            Err(Unknown::Forbidden)
        }
        Some(Err((_, code))) => {
            let place = options.place();
            Err(Unknown::Down(format!("{place} does not make the topic `{}`: {code}", topic.name)))
        }
        None => Err(Unknown::Down("no answer about a topic that was to be made".to_owned())),
    }
}

/// How many bytes the topic takes of one message, as the broker says, or `None` if it does not within
/// moments: who may write to a topic need not be allowed to read its settings.
pub(super) async fn largest_message(options: &Settings, topic: &str) -> Option<String> {
    /// Words are not worth more.
    const LIMIT: Duration = Duration::from_secs(3);
    let admin = AdminClient::from_config_and_context(&options.client().ok()?, Heard::default());
    let admin = admin.ok()?;
    let limits = AdminOptions::new().request_timeout(Some(options.answer_within.min(LIMIT)));
    let answer = admin.describe_configs([&ResourceSpecifier::Topic(topic)], &limits).await;
    // It waits for its threads.
    std::thread::spawn(move || drop(admin));
    let settings = answer.ok()?.pop()?.ok()?;
    settings.get("max.message.bytes")?.value.clone()
}

/// Whether a topic can have that name.
pub(super) fn is_name(topic: &str) -> bool {
    let legal = |letter: char| letter.is_ascii_alphanumeric() || "._-".contains(letter);
    (1..=249).contains(&topic.len()) && topic.chars().all(legal) && topic != "." && topic != ".."
}

/// Partitions as librdkafka takes them.
pub(super) fn list<'t>(of: impl IntoIterator<Item = (&'t str, i32)>) -> TopicPartitionList {
    let mut list = TopicPartitionList::new();
    for (topic, partition) in of {
        list.add_partition(topic, partition);
    }
    list
}

#[cfg(test)]
mod tests {
    use super::is_name;

    #[test]
    fn names_are_kafkas() {
        assert!(is_name("shop.orders-1_a"));
        for name in ["", ".", "..", "a b", "ü", "a/b", &"x".repeat(250)] {
            assert!(!is_name(name), "{name}");
        }
    }
}
