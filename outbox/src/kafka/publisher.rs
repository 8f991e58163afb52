//! Sending.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use rdkafka::error::KafkaError;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};

use super::errors::{Unknown, Verdict};
use super::options::{KafkaOptions, Settings};
use super::producer::Producer;
use super::record::size_of;
use super::settings::{LARGEST_REQUEST, not_made};
use super::topics;
use crate::InvalidOptions;
use crate::address::Address;
use crate::message::Message;
use crate::publisher::{PublishError, Published, Publisher};

/// How much may be on its way at once, in kB. Whoever wants to send more waits.
const ROOM_KB: u32 = 65_536;

/// Sends messages to topics of Kafka, by an idempotent producer: a message is stored when all replicas that
/// are in sync have it.
pub struct KafkaPublisher {
    options: Settings,
    place: String,
    /// Puts many messages into one request.
    many: Slot,
    /// Sends each message by itself, once one was refused together with others.
    alone: Slot,
    room: Arc<Semaphore>,
    /// Topics that were not there when they were last looked for.
    missing: Mutex<BTreeSet<String>>,
    /// How much topics take, in their broker's words, and when it said so.
    most: tokio::sync::Mutex<BTreeMap<String, (Instant, Option<String>)>>,
}

/// A producer, made when it is first needed and again when it has ended.
struct Slot {
    alone: bool,
    producer: Mutex<Option<Arc<Producer>>>,
}

impl KafkaPublisher {
    /// A publisher. It connects by itself, and again whenever it has lost the connection.
    ///
    /// # Errors
    /// [`InvalidOptions`]. That nobody answers is none.
    pub async fn connect(options: KafkaOptions) -> Result<Self, InvalidOptions> {
        let options = options.settings()?;
        let slot = |alone| Slot { alone, producer: Mutex::new(None) };
        let publisher = Self {
            place: options.place(),
            many: slot(false),
            alone: slot(true),
            room: Arc::new(Semaphore::new(ROOM_KB as usize)),
            missing: Mutex::default(),
            most: tokio::sync::Mutex::default(),
            options,
        };
        publisher.many.get(&publisher.options)?;
        Ok(publisher)
    }

    /// Sends it, with others or alone.
    async fn send(&self, topic: &str, message: &Message, deadline: Instant) -> Result<(), Verdict> {
        match self.send_by(&self.many, topic, message, deadline).await {
            // A request is refused as a whole: with it, messages that nothing is wrong with.
            Err(Verdict::Refused(_)) => self.send_by(&self.alone, topic, message, deadline).await,
            sent => sent,
        }
    }

    async fn send_by(
        &self,
        slot: &Slot,
        topic: &str,
        message: &Message,
        deadline: Instant,
    ) -> Result<(), Verdict> {
        let room = self.room_for(message, deadline).await?;
        let producer =
            slot.get(&self.options).map_err(|error| Verdict::NotSent(error.to_string()))?;
        let was_down = producer.heard.all_down();
        let sent = async {
            producer.send(topic, message, room)?.await.unwrap_or(Err(KafkaError::Canceled))
        };
        let verdict = match timeout_at(deadline + GRACE, sent).await {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(error)) => Verdict::of(&error, &producer.heard),
            Err(_) => Verdict::NoWord(producer.heard.words("no answer in time")),
        };
        slot.replace_if_over(&producer);
        Err(match verdict {
            // Nobody was there at the time, and nobody has been since.
            Verdict::NoWord(why) if was_down && producer.heard.all_down() => {
                Verdict::NotSent(producer.heard.words(&why))
            }
            verdict => verdict,
        })
    }

    async fn room_for(
        &self,
        message: &Message,
        deadline: Instant,
    ) -> Result<OwnedSemaphorePermit, Verdict> {
        let kb = u32::try_from(size_of(message).div_ceil(1024)).unwrap_or(u32::MAX);
        let room = self.room.clone().acquire_many_owned(kb.min(ROOM_KB));
        match timeout_at(deadline, room).await {
            Ok(room) => Ok(room.expect("nobody closes the semaphore")),
            Err(_) => Err(Verdict::NotSent(format!(
                "{} MB are on their way to {} already, and nothing was confirmed for {:?}",
                ROOM_KB / 1024,
                self.place,
                self.options.publish_within,
            ))),
        }
    }

    /// Looks for a topic, and makes the client know what it has found.
    async fn look_for(&self, topic: &str) -> Result<(), PublishError> {
        let producer = self.many.get(&self.options).map_err(PublishError::down)?;
        let (name, limit) = (topic.to_owned(), self.options.answer_within);
        let look = move || {
            let deadline = std::time::Instant::now() + limit;
            topics::partitions(producer.client(), &producer.heard, &name, deadline, &|| ())
        };
        let found = tokio::task::spawn_blocking(look).await.map_err(PublishError::down)?;
        match found {
            Ok(_) => {
                self.missing().remove(topic);
                Ok(())
            }
            Err(unknown) => {
                if !matches!(unknown, Unknown::Down(_)) {
                    self.missing().insert(topic.to_owned());
                }
                Err(self.options.unsent(topic, unknown))
            }
        }
    }

    /// How many bytes a topic takes of one message. Many that are refused at once ask once.
    async fn most_of(&self, topic: &str) -> Option<String> {
        let mut most = self.most.lock().await;
        if let Some((at, known)) = most.get(topic)
            && at.elapsed() < MOST_KEPT
        {
            return known.clone();
        }
        let found = topics::largest_message(&self.options, topic).await;
        most.insert(topic.to_owned(), (Instant::now(), found.clone()));
        found
    }

    /// Whether it need not be tried without a look: the topic was not there, or we were not let in.
    fn is_in_doubt(&self, topic: &str) -> Result<bool, PublishError> {
        let producer = self.many.get(&self.options).map_err(PublishError::down)?;
        Ok(producer.heard.refusal().is_some() || self.missing().contains(topic))
    }

    fn missing(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.missing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn topic_of<'a>(&self, to: &'a Address) -> Result<&'a str, PublishError> {
        if to.routing_key.is_some() {
            let why = format!("`{to}` has a routing key, and Kafka has none: name the topic alone");
            return Err(PublishError::Missing { why });
        }
        if !topics::is_name(&to.name) {
            let why = format!(
                "`{to}` is no name of a topic: it has up to 249 letters of a-z, digits, `.`, `_` and `-`"
            );
            return Err(PublishError::Missing { why });
        }
        Ok(&to.name)
    }
}

/// By how much our own limit is later than the client's, whose words say more.
const GRACE: Duration = Duration::from_secs(1);

/// For how long words name a limit that was asked for before.
const MOST_KEPT: Duration = Duration::from_secs(10);

#[async_trait]
impl Publisher for KafkaPublisher {
    fn broker(&self) -> &str {
        &self.place
    }

    async fn prepare(&self, places: &[Address]) -> Result<(), PublishError> {
        for place in places {
            let topic = self.topic_of(place)?;
            let found = self.look_for(topic).await;
            let (Err(PublishError::Missing { .. }), Some(how)) = (&found, self.options.declared)
            else {
                found?;
                continue;
            };
            let made = topics::declare(&self.options, topic, how).await;
            made.map_err(|unknown| self.options.unsent(topic, unknown))?;
            self.missing().remove(topic);
        }
        Ok(())
    }

    async fn publish(&self, to: &Address, message: &Message) -> Result<Published, PublishError> {
        let topic = self.topic_of(to)?;
        let size = size_of(message);
        if size > LARGEST_REQUEST {
            let why =
                format!("it has {size} bytes, and Kafka takes no request over {LARGEST_REQUEST}");
            return Err(PublishError::Refused { why });
        }
        if self.is_in_doubt(topic)? {
            self.look_for(topic).await?;
        }
        let deadline = Instant::now() + self.options.publish_within;
        match self.send(topic, message, deadline).await {
            Ok(()) => Ok(Published::Stored),
            Err(Verdict::NotThere) => {
                self.missing().insert(topic.to_owned());
                Err(self.options.unsent(topic, Unknown::NotThere))
            }
            Err(Verdict::Forbidden) => {
                self.missing().insert(topic.to_owned());
                Err(self.options.unsent(topic, Unknown::Forbidden))
            }
            Err(Verdict::NotSent(why)) => Err(PublishError::down(why)),
            Err(Verdict::NoWord(why)) => Err(PublishError::in_doubt(why)),
            Err(Verdict::Refused(why)) => {
                let most = self.most_of(topic).await;
                let most = most.map_or_else(String::new, |most| format!(" and is {most} here"));
                let place = &self.place;
                let why = format!(
                    "it has {size} bytes, and {place} refuses it: {why}. How much the topic `{topic}` takes \
                     is its `max.message.bytes`, which `message.max.bytes` of the broker stands in \
                     for{most}"
                );
                Err(PublishError::Refused { why })
            }
        }
    }
}

impl Slot {
    fn get(&self, options: &Settings) -> Result<Arc<Producer>, InvalidOptions> {
        let mut slot = self.producer.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(producer) = &*slot {
            return Ok(producer.clone());
        }
        let producer = Producer::new(&options.producer(self.alone)?).map_err(not_made)?;
        Ok(slot.insert(producer).clone())
    }

    /// A producer that has met an error that it cannot come over is of no use any more: the next one begins
    /// anew.
    fn replace_if_over(&self, producer: &Arc<Producer>) {
        let Some((code, words)) = producer.is_over() else { return };
        let mut slot = self.producer.lock().unwrap_or_else(PoisonError::into_inner);
        if slot.as_ref().is_some_and(|current| Arc::ptr_eq(current, producer)) {
            tracing::warn!("kafka: the producer has ended and is made anew: {code}: {words}");
            *slot = None;
        }
    }
}
