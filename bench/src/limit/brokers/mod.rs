//! By the client of a broker, and nothing else: messages in the order of the log, so many under way at once,
//! each confirmed.

mod kafka;
mod message;
mod nats;
mod rabbitmq;
mod redis;

use annals::async_trait;
use bytes::Bytes;

use crate::Failure;

pub(crate) use message::{Event, Sealed};

/// How many messages are under way at once.
const WINDOW: usize = 256;

/// How many messages are received at once.
const BATCH: usize = 1_000;

/// A place of a broker, and a connection to it.
#[async_trait]
pub(crate) trait ByHand: Send + Sync {
    /// Makes the place.
    async fn make(&self) -> Result<(), Failure>;

    /// Removes the place with all that is in it.
    async fn remove(&self) -> Result<(), Failure>;

    /// Sends messages in this order; all are confirmed when it returns.
    async fn send(&mut self, messages: Vec<Sealed>) -> Result<(), Failure>;

    /// The bodies of the next messages; none when none come for a while.
    async fn receive(&mut self) -> Result<Vec<Bytes>, Failure>;

    /// All that was received is done with.
    async fn acknowledge(&mut self) -> Result<(), Failure>;
}

pub(crate) async fn connect(url: &str, place: &str) -> Result<Box<dyn ByHand>, Failure> {
    match url.split(':').next() {
        Some("nats") => Ok(Box::new(nats::Client::connect(url, place).await?)),
        Some("kafka") => Ok(Box::new(kafka::Client::connect(url, place)?)),
        Some("amqp") => Ok(Box::new(rabbitmq::Client::connect(url, place).await?)),
        Some("redis") => Ok(Box::new(redis::Client::connect(url, place).await?)),
        _ => Err("nothing was written by hand for this broker".into()),
    }
}
