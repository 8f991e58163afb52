//! Kafka by `rdkafka`: an idempotent producer; offsets are committed behind the effect.

use std::collections::VecDeque;
use std::time::Duration;

use annals::async_trait;
use bytes::Bytes;
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{CommitMode, Consumer, StreamConsumer};
use rdkafka::message::Message as _;
use rdkafka::producer::future_producer::DeliveryFuture;
use rdkafka::producer::{FutureProducer, FutureRecord};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use super::{BATCH, ByHand, Sealed, WINDOW};
use crate::Failure;

/// How long nothing may come before that is said.
const QUIET: Duration = Duration::from_secs(5);

pub(crate) struct Client {
    config: ClientConfig,
    producer: FutureProducer,
    consumer: Option<StreamConsumer>,
    place: String,
    next: i64,
}

impl Client {
    pub(super) fn connect(url: &str, place: &str) -> Result<Self, Failure> {
        let servers = url.strip_prefix("kafka://").ok_or("not a URL of Kafka")?;
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", servers.trim_end_matches('/'));
        let mut producer = config.clone();
        producer.set("enable.idempotence", "true").set("linger.ms", "1");
        let producer = producer.create()?;
        Ok(Self { config, producer, consumer: None, place: place.to_owned(), next: 0 })
    }

    fn admin(&self) -> Result<AdminClient<DefaultClientContext>, Failure> {
        Ok(self.config.create()?)
    }
}

#[async_trait]
impl ByHand for Client {
    async fn make(&self) -> Result<(), Failure> {
        let topic = NewTopic::new(&self.place, 1, TopicReplication::Fixed(1));
        for made in self.admin()?.create_topics(&[topic], &AdminOptions::new()).await? {
            made.map_err(|(topic, code)| format!("{topic}: {code}"))?;
        }
        Ok(())
    }

    async fn remove(&self) -> Result<(), Failure> {
        self.admin()?.delete_topics(&[&self.place], &AdminOptions::new()).await?;
        Ok(())
    }

    async fn send(&mut self, messages: Vec<Sealed>) -> Result<(), Failure> {
        let mut under_way = VecDeque::with_capacity(WINDOW);
        for message in &messages {
            if under_way.len() >= WINDOW
                && let Some(oldest) = under_way.pop_front()
            {
                confirmed(oldest).await?;
            }
            let record = FutureRecord::to(&self.place).key(&message.key).payload(&message.body);
            let sent = self.producer.send_result(record);
            under_way.push_back(sent.map_err(|(error, _)| error)?);
        }
        for rest in under_way {
            confirmed(rest).await?;
        }
        Ok(())
    }

    async fn receive(&mut self) -> Result<Vec<Bytes>, Failure> {
        if self.consumer.is_none() {
            let mut config = self.config.clone();
            config.set("group.id", format!("{}_by_hand", self.place));
            config.set("enable.auto.commit", "false").set("auto.offset.reset", "earliest");
            let consumer: StreamConsumer = config.create()?;
            let mut lane = TopicPartitionList::new();
            lane.add_partition_offset(&self.place, 0, Offset::Beginning)?;
            consumer.assign(&lane)?;
            self.consumer = Some(consumer);
        }
        let consumer = self.consumer.as_ref().ok_or("there is a consumer by now")?;
        let mut bodies = Vec::new();
        let mut patience = QUIET;
        while bodies.len() < BATCH
            && let Ok(message) = tokio::time::timeout(patience, consumer.recv()).await
        {
            let message = message?;
            bodies.push(Bytes::copy_from_slice(message.payload().unwrap_or_default()));
            self.next = message.offset() + 1;
            // What is there already, and no more.
            patience = Duration::ZERO;
        }
        Ok(bodies)
    }

    async fn acknowledge(&mut self) -> Result<(), Failure> {
        let consumer = self.consumer.as_ref().ok_or("nothing was received")?;
        let mut done = TopicPartitionList::new();
        done.add_partition_offset(&self.place, 0, Offset::Offset(self.next))?;
        Ok(consumer.commit(&done, CommitMode::Async)?)
    }
}

async fn confirmed(message: DeliveryFuture) -> Result<(), Failure> {
    let delivered = message.await.map_err(|_| "the producer has ended")?;
    delivered.map(drop).map_err(|(error, _)| error.into())
}
