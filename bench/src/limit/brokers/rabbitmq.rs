//! RabbitMQ by `lapin`: persistent messages in a classic queue, confirmed.

use std::collections::VecDeque;
use std::time::Duration;

use annals::async_trait;
use bytes::Bytes;
use futures_util::StreamExt;
use lapin::options::{
    BasicAckOptions, BasicConsumeOptions, BasicPublishOptions, BasicQosOptions,
    ConfirmSelectOptions, QueueDeleteOptions,
};
use lapin::types::FieldTable;
use lapin::{BasicProperties, Channel, Confirmation, Connection, ConnectionProperties, Consumer};

use super::{BATCH, ByHand, Sealed, WINDOW};
use crate::Failure;

/// How long nothing may come before that is said.
const QUIET: Duration = Duration::from_secs(5);

/// A message that is there for ever.
const PERSISTENT: u8 = 2;

pub(crate) struct Client {
    /// As long as it is kept.
    _connection: Connection,
    channel: Channel,
    url: String,
    place: String,
    consumer: Option<Consumer>,
    last: Option<u64>,
}

impl Client {
    pub(super) async fn connect(url: &str, place: &str) -> Result<Self, Failure> {
        let connection = Connection::connect(url, ConnectionProperties::default()).await?;
        let channel = connection.create_channel().await?;
        channel.confirm_select(ConfirmSelectOptions::default()).await?;
        let (url, place) = (url.to_owned(), place.to_owned());
        Ok(Self { _connection: connection, channel, url, place, consumer: None, last: None })
    }
}

#[async_trait]
impl ByHand for Client {
    /// As the other side makes it, who takes no queue of another kind.
    async fn make(&self) -> Result<(), Failure> {
        let (publisher, to) =
            annals_tests::brokers::client::publisher(&self.url, &self.place).await?;
        publisher.prepare(&[to]).await?;
        Ok(())
    }

    async fn remove(&self) -> Result<(), Failure> {
        self.channel.queue_delete((&*self.place).into(), QueueDeleteOptions::default()).await?;
        Ok(())
    }

    async fn send(&mut self, messages: Vec<Sealed>) -> Result<(), Failure> {
        let mut under_way = VecDeque::with_capacity(WINDOW);
        for message in messages {
            if under_way.len() >= WINDOW
                && let Some(oldest) = under_way.pop_front()
            {
                confirmed(oldest).await?;
            }
            let properties = BasicProperties::default()
                .with_message_id(message.id.to_string().into())
                .with_content_type("application/cloudevents+json".into())
                .with_delivery_mode(PERSISTENT);
            let options = BasicPublishOptions { mandatory: true, ..Default::default() };
            let to = (&*self.place).into();
            let sent =
                self.channel.basic_publish("".into(), to, options, &message.body, properties);
            under_way.push_back(sent.await?);
        }
        for rest in under_way {
            confirmed(rest).await?;
        }
        Ok(())
    }

    async fn receive(&mut self) -> Result<Vec<Bytes>, Failure> {
        if self.consumer.is_none() {
            self.channel.basic_qos(2 * BATCH as u16, BasicQosOptions::default()).await?;
            let options = BasicConsumeOptions::default();
            let queue = (&*self.place).into();
            let consumer =
                self.channel.basic_consume(queue, "by_hand".into(), options, FieldTable::default());
            self.consumer = Some(consumer.await?);
        }
        let consumer = self.consumer.as_mut().ok_or("there is a consumer by now")?;
        let mut bodies = Vec::new();
        let mut patience = QUIET;
        while bodies.len() < BATCH
            && let Ok(Some(message)) = tokio::time::timeout(patience, consumer.next()).await
        {
            let message = message?;
            self.last = Some(message.delivery_tag);
            bodies.push(message.data.into());
            // What is there already, and no more.
            patience = Duration::ZERO;
        }
        Ok(bodies)
    }

    async fn acknowledge(&mut self) -> Result<(), Failure> {
        if let Some(last) = self.last.take() {
            self.channel.basic_ack(last, BasicAckOptions { multiple: true }).await?;
        }
        Ok(())
    }
}

async fn confirmed(
    message: impl Future<Output = lapin::Result<Confirmation>>,
) -> Result<(), Failure> {
    match message.await? {
        Confirmation::Ack(None) => Ok(()),
        other => Err(format!("a message was not taken: {other:?}").into()),
    }
}
