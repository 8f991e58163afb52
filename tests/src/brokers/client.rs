//! The client of whatever broker a URL names, for programs that are told where to send and to receive.

use std::sync::Arc;

use annals::outbox::kafka::{KafkaOptions, KafkaPublisher, KafkaSource};
use annals::outbox::nats::{NatsOptions, NatsPublisher, NatsSource, NatsStream};
use annals::outbox::rabbitmq::{
    QueueType, RabbitMqOptions, RabbitMqPublisher, RabbitMqSource, Topology,
};
use annals::outbox::redis::{RedisOptions, RedisPublisher, RedisSource};
use annals::outbox::{Address, Publisher, Source};

type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// A publisher, and the address that leads to a place; the place is made if it is not there: in RabbitMQ as a
/// quorum queue if its name has `quorum` in it, else as a classic one.
///
/// # Errors
/// A URL that names no broker, or options that cannot be.
pub async fn publisher(url: &str, place: &str) -> Outcome<(Arc<dyn Publisher>, Address)> {
    let address = Address::new(place);
    Ok(match scheme(url) {
        "nats" => (Arc::new(NatsPublisher::connect(nats(url, place)).await?), address),
        "kafka" => (Arc::new(KafkaPublisher::connect(kafka(url)).await?), address),
        "amqp" => {
            let address = Address::new("").routing_key(place);
            (Arc::new(RabbitMqPublisher::connect(rabbitmq(url, place)).await?), address)
        }
        "redis" => (Arc::new(RedisPublisher::connect(redis(url)).await?), address),
        other => return Err(format!("`{other}` is no broker").into()),
    })
}

/// What comes to a place, in one lane.
///
/// # Errors
/// As [`publisher`].
pub async fn source(url: &str, place: &str) -> Outcome<Arc<dyn Source>> {
    Ok(match scheme(url) {
        "nats" => Arc::new(NatsSource::connect(nats(url, place), place, [place]).await?),
        "kafka" => Arc::new(KafkaSource::connect(kafka(url), [place]).await?),
        "amqp" => Arc::new(RabbitMqSource::connect(rabbitmq(url, place), [place]).await?),
        "redis" => Arc::new(RedisSource::connect(redis(url), [place]).await?),
        other => return Err(format!("`{other}` is no broker").into()),
    })
}

fn nats(url: &str, place: &str) -> NatsOptions {
    NatsOptions::new(url).declare(NatsStream::new(place, [place]))
}

fn kafka(url: &str) -> KafkaOptions {
    KafkaOptions::new(url).declare_topics(3, 1)
}

fn rabbitmq(url: &str, place: &str) -> RabbitMqOptions {
    let kind = if place.contains("quorum") { QueueType::Quorum } else { QueueType::Classic };
    let queue = Topology::declared().queue(place, kind);
    // As much as a commit takes at once, as it is set where much comes.
    RabbitMqOptions::new(url).topology(queue).prefetch(2_000)
}

fn redis(url: &str) -> RedisOptions {
    RedisOptions::new(url).declare(true)
}

fn scheme(url: &str) -> &str {
    url.split(':').next().unwrap_or(url)
}
